//! Generates the wire types from `proto/`. Needs `protoc` (Debian: protobuf-compiler).

use std::env;
use std::error::Error;
use std::path::PathBuf;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    build_proto()
}

/// Two passes. The first makes plain types of the event columns. The second makes the service, in which a batch is
/// bytes that are already encoded (`EncodedBatch`): one encoding serves every client and the replay buffer.
fn build_proto() -> Result<(), Failure> {
    const EVENT: &str = "../proto/cowpath/v1/event.proto";
    const AGENT: &str = "../proto/cowpath/v1/agent.proto";
    const INCLUDES: [&str; 1] = ["../proto"];

    let out =
        PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?);
    let columns = out.join("columns");
    std::fs::create_dir_all(&columns)?;

    tonic_prost_build::configure()
        .build_server(false)
        .build_client(false)
        .out_dir(columns)
        .compile_protos(&[EVENT], &INCLUDES)?;

    let mut service = tonic_prost_build::configure()
        .client_mod_attribute(".", "#[cfg(test)]")
        .file_descriptor_set_path(out.join("cowpath.bin"))
        .extern_path(".cowpath.v1.Batch", "crate::serve::wire::EncodedBatch");
    for name in ["Kind", "Outcome", "Flag", "Process"] {
        service = service.extern_path(
            format!(".cowpath.v1.{name}"),
            format!("crate::serve::wire::columns::{name}"),
        );
    }
    service.out_dir(out).compile_protos(&[AGENT], &INCLUDES)?;

    println!("cargo:rerun-if-changed={EVENT}");
    println!("cargo:rerun-if-changed={AGENT}");
    Ok(())
}
