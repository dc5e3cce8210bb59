//! TLS to PostgreSQL by rustls, with the checks that `sslmode` asks for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::{Dsn, DsnError, Verify};

/// What opens TLS for this address.
///
/// # Errors
/// A sentence if the trusted authorities cannot be read.
pub fn connector(dsn: &Dsn) -> Result<MakeRustlsConnect, DsnError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| DsnError(format!("cannot use TLS: {error}")))?;
    let config = match dsn.verify {
        Verify::AuthorityAndName => {
            builder.with_root_certificates(roots(dsn.root_cert.as_deref())?).with_no_client_auth()
        }
        partly => {
            let authority = match partly {
                Verify::Authority => Some(authority_verifier(dsn.root_cert.as_deref(), &provider)?),
                _ => None,
            };
            let verifier = Arc::new(PartialVerifier { authority, provider });
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn authority_verifier(
    path: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, DsnError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots(path)?), Arc::clone(provider))
        .build()
        .map_err(|error| DsnError(format!("has no usable sslrootcert: {error}")))
}

fn roots(path: Option<&Path>) -> Result<RootCertStore, DsnError> {
    let unreadable =
        |error: &dyn std::fmt::Display| DsnError(format!("has an sslrootcert that cannot be read: {error}"));
    let certificates = match path {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(&error))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    if store.is_empty() { Err(unreadable(&"it holds no certificate")) } else { Ok(store) }
}

/// libpq's `require` and `verify-ca`: the peer proves that it holds the certificate's key, the name is not compared, and
/// the authority only where one is asked for.
#[derive(Debug)]
struct PartialVerifier {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PartialVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
