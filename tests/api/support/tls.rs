//! Certificates made on the spot, and a cluster that takes TLS connections only.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::cluster::Cluster;

/// The cluster, and the authorities that a client may trust.
pub struct TlsCluster {
    /// The cluster; its certificate names `localhost` and nothing else.
    pub cluster: Cluster,
    /// The authority that signed its certificate.
    pub authority: PathBuf,
    /// An authority that did not.
    pub stranger: PathBuf,
}

/// An authority of this name.
pub fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `localhost`, and its key.
pub fn localhost(authority: &CertifiedIssuer<'static, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// Writes a file that has the owner and the mode of the server's own files, as the server insists on for its key.
fn write(data: &Path, name: &str, text: &str) -> PathBuf {
    let path = data.join(name);
    let copied = Command::new("cp").arg("-p").args([&data.join("PG_VERSION"), &path]).status().unwrap();
    assert!(copied.success());
    std::fs::write(&path, text).unwrap();
    path
}

impl TlsCluster {
    /// A new one.
    pub fn start() -> Self {
        let cluster = Cluster::start("fast");
        cluster.stop();
        let data = cluster.data();
        let (ours, theirs) = (authority("the tests' authority"), authority("another authority"));
        let (certificate, key) = localhost(&ours);
        write(&data, "server.crt", &certificate.pem());
        write(&data, "server.key", &key.serialize_pem());
        write(&data, "pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        let settings = std::fs::read_to_string(data.join("postgresql.conf")).unwrap();
        write(&data, "postgresql.conf", &format!("{settings}\nssl = on\n"));
        let authority = write(&data, "authority.pem", &ours.pem());
        let stranger = write(&data, "stranger.pem", &theirs.pem());
        cluster.start_again();
        Self { cluster, authority, stranger }
    }
}
