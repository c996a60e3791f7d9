//! What happens at the path of an output: files are replaced whole, everything else stays what it is.

use crate::process::Folder;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

const SCALE: &str = "{ lambda ; x:f32[3]. let y:f32[3] = neg x in (y,) }\n";

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("scale.ir", SCALE);
    folder
}

#[test]
fn a_pipe_is_written_into() {
    let folder = folder("outputs_pipe");
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).expect("the pipe can be read")
    });
    folder.rjaxc(&["scale.ir", "-o", "pipe"]).succeeds();
    let object = reader.join().expect("the reader ends");
    assert!(fs::metadata(&pipe).expect("still there").file_type().is_fifo());
    folder.rjaxc(&["scale.ir", "--emit=obj", "-o", "file.o"]).succeeds();
    assert_eq!(object, fs::read(folder.path("file.o")).expect("the object"));
    assert_eq!(folder.files(), ["file.o", "pipe", "scale.ir"], "nothing stands beside a pipe");
    folder.rjaxc(&["scale.ir", "--emit=obj,header", "-o", "pipe"]).fails(2, "takes one text");
}

#[test]
fn a_socket_stays_one() {
    let folder = folder("outputs_socket");
    let _listener = UnixListener::bind(folder.path("socket")).expect("a socket can be made");
    folder.rjaxc(&["scale.ir", "-o", "socket"]).fails(2, "socket: cannot be written");
    folder.rjaxc(&["run", "scale.ir", "[1, 2, 3]", "--out", "socket"]).fails(2, "socket");
    assert!(fs::metadata(folder.path("socket")).expect("still there").file_type().is_socket());
}

#[test]
fn links_are_followed_and_permissions_kept() {
    let folder = folder("outputs_links");
    folder.write("real.o", "old");
    fs::set_permissions(folder.path("real.o"), fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("real.o", folder.path("link.o")).expect("a link can be made");
    symlink("later.o", folder.path("dangling.o")).expect("a link can be made");
    for name in ["link.o", "dangling.o"] {
        folder.rjaxc(&["scale.ir", "--emit=obj", "-o", name]).succeeds();
        assert!(fs::symlink_metadata(folder.path(name)).expect("still there").is_symlink());
    }
    let real = fs::metadata(folder.path("real.o")).expect("still there");
    assert_eq!(real.permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read(folder.path("real.o")).ok(), fs::read(folder.path("later.o")).ok());
    fs::set_permissions(folder.path("real.o"), fs::Permissions::from_mode(0o444)).expect("it is ours");
    folder.rjaxc(&["scale.ir", "-o", "link.o"]).fails(2, "the file is read-only");
    assert_eq!(folder.files(), ["dangling.o", "later.o", "link.o", "real.o", "scale.ir"]);
}

#[test]
fn a_full_disk_is_no_error_of_usage() {
    let folder = folder("outputs_full");
    // Standard output alone: no file is created or renamed there.
    for args in [&["scale.ir", "--emit=json"][..], &["run", "scale.ir", "[1, 2, 3]"], &["check", "scale.ir"]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rjaxc"));
        let output = command.current_dir(folder.path("")).args(args).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
    }
}

#[test]
fn one_object_goes_to_standard_output() {
    let folder = folder("outputs_dash");
    let outcome = Command::new(env!("CARGO_BIN_EXE_rjaxc"))
        .current_dir(folder.path(""))
        .args(["scale.ir", "--emit=obj", "-o", "-"])
        .output()
        .expect("it runs");
    folder.rjaxc(&["scale.ir", "--emit=obj", "-o", "file.o"]).succeeds();
    assert_eq!(outcome.stdout, fs::read(folder.path("file.o")).expect("the object"));
    folder.rjaxc(&["scale.ir", "-o", "-"]).fails(2, "standard output takes one text");
}

#[test]
fn shared_libraries_are_left_to_the_linker() {
    let folder = folder("outputs_so");
    folder.rjaxc(&["scale.ir", "-o", "x.so"]).fails(2, "cc -shared -o x.so x.o");
    assert_eq!(folder.files(), ["scale.ir"]);
}

#[test]
fn make_learns_what_was_read() {
    let folder = folder("outputs_depfile");
    folder.rjaxc(&["run", "scale.ir", "[1, 2, 3]", "--out", "a b.npz"]).succeeds();
    let text = "const w = file(\"a b.npz\")\n{ lambda w:f32[3]; x:f32[3]. let y:f32[3] = mul w x in (y,) }\n";
    folder.write("file.ir", text);
    folder.rjaxc(&["file.ir", "-o", "out.o", "--emit=obj,header", "--depfile", "out.d"]).succeeds();
    let rule = fs::read_to_string(folder.path("out.d")).expect("the rule");
    assert_eq!(rule, "out.o out.h: \\\n  file.ir \\\n  a\\ b.npz\n\nfile.ir:\n\na\\ b.npz:\n");
}

#[test]
fn the_runtime_is_built_from_the_source_that_travels_along() {
    let folder = folder("outputs_runtime");
    let other = ["scale.ir", "--emit=runtime", "--target=aarch64-unknown-linux-gnu", "-o", "rt.a"];
    folder.rjaxc(&other).fails(3, "rjaxc runtime --target aarch64-unknown-linux-gnu");
    assert_eq!(folder.files(), ["scale.ir"]);
    folder.rjaxc(&["runtime", "-o", "made"]).succeeds();
    let archive = fs::read(folder.path("made/librjaxc_rt.a")).expect("the archive");
    let text = String::from_utf8_lossy(&archive);
    assert!(text.starts_with("!<arch>\n") && text.contains("rjax_abi_1") && text.contains("rjax_eigh"));
    assert_eq!(fs::read_dir(folder.path("made")).expect("the folder").count(), 1, "nothing else is left");
    let unknown = folder.rjaxc(&["runtime", "--target=no-such-target", "-o", "made"]);
    unknown.fails(1, "rustup target add no-such-target");
}

#[test]
fn an_archive_is_not_named_like_an_object() {
    let folder = folder("outputs_runtime");
    folder.rjaxc(&["scale.ir", "--emit=runtime"]).succeeds();
    folder.rjaxc(&["scale.ir", "--emit=obj"]).succeeds();
    assert_eq!(folder.files(), ["scale.ir", "scale.o", "scale.runtime.a"]);
}

/// What is read is not written, under whatever name.
#[test]
fn no_output_replaces_an_input() {
    let folder = folder("outputs_inputs");
    folder.rjaxc(&["run", "scale.ir", "[1, 2, 3]", "--out", "c.npz"]).succeeds();
    let weights = fs::read(folder.path("c.npz")).expect("written");
    folder.write("line.ir", "const c: f32[3] = file(\"c.npz\", \"out0\")\n{ lambda c:f32[3]; x:f32[3]. let y:f32[3] = add c x in (y,) }");
    symlink("c.npz", folder.path("link.npz")).expect("a link can be made");
    for output in ["c.npz", "./c.npz", "link.npz"] {
        folder.rjaxc(&["line.ir", "-o", output]).fails(2, "holds values that the program reads");
        folder
            .rjaxc(&["line.ir", "-o", "l.o", "--depfile", output])
            .fails(2, "holds values that the program reads");
        folder
            .rjaxc(&["line.ir", "--emit=stablehlo", "-o", output])
            .fails(2, "holds values that the program reads");
    }
    folder.rjaxc(&["scale.ir", "-o", "s.o", "--depfile", "./scale.ir"]).fails(2, "is the program itself");
    for depfile in ["s.o", "./s.h", "s.json"] {
        folder.rjaxc(&["scale.ir", "-o", "s.o", "--depfile", depfile]).fails(2, "two outputs are named");
    }
    folder.rjaxc(&["scale.ir", "-o", "s\nx.o", "--depfile", "s.d"]).fails(2, "line ends");
    assert_eq!(fs::read(folder.path("c.npz")).expect("still there"), weights);
    assert_eq!(fs::read_to_string(folder.path("scale.ir")).expect("still there"), SCALE);
    assert_eq!(folder.files(), ["c.npz", "line.ir", "link.npz", "scale.ir"]);
}
