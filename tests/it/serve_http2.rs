//! The server over HTTP/2: the same limits as over HTTP/1.1, the attacks of the protocol, and other programs as
//! witnesses. What holds for both protocols is tested for both where it is tested for one.

mod attacks;
mod frame_client;
mod limits;
mod measured;
mod siege;
