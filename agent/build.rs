//! Generates the wire types from `proto/` and compiles the BPF programs. Needs `protoc` (Debian: protobuf-compiler) and
//! clang.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    build_bpf()?;
    build_proto()
}

/// One object, which `src/collect` carries as data. The BPF headers are those of the vendored libbpf.
fn build_bpf() -> Result<(), Failure> {
    const SOURCE: &str = "bpf/cowpath.bpf.c";

    let out =
        PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?);
    let headers = env::var("DEP_BPF_INCLUDE")
        .map_err(|_| "libbpf-sys does not tell where its headers are")?;
    let clang = ["clang-19", "clang"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
        .ok_or("no clang: apt-get install clang-19")?;
    let status = Command::new(clang)
        .args([
            "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-I", &headers, "-c",
            SOURCE, "-o",
        ])
        .arg(out.join("cowpath.bpf.o"))
        .status()?;
    if !status.success() {
        return Err(format!("{clang} cannot compile {SOURCE}").into());
    }
    println!("cargo:rerun-if-changed=bpf");
    Ok(())
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
    for name in [
        "Kind",
        "Outcome",
        "Flag",
        "Process",
        "Stack",
        "Foll",
        "Protection",
        "UffdReason",
    ] {
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
