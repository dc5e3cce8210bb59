//! HTTP on bare hyper: the server loop, the life of a request, the router, what handlers take and give. Knows no domain: the
//! route table is handed in.

pub mod body;
pub mod client;
pub mod conditional;
pub mod cors;
pub mod cx;
pub mod dress;
pub mod extract;
pub mod failures;
pub mod files;
pub mod framing;
pub mod guard;
pub mod headers;
pub mod held;
pub mod limited;
pub mod multipart;
pub mod page;
pub mod reply;
pub mod reply_body;
pub mod route;
pub mod router;
pub mod server;
pub mod service;
pub mod stored;

pub use cx::Cx;
pub use extract::{Form, FromCx, Json, Path, Query};
pub use limited::{Limited, Policy};
pub use reply::{Created, Done, Made, NoContent, Reply};
pub use route::{Access, Method, Operation, Route};
