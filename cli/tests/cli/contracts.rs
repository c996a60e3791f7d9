//! What objects promise: status codes instead of signals, the same code everywhere, bounds where they are asked for.

use crate::process::Folder;
use std::path::Path;
use std::process::Command;

const MODEL: &str = "{ lambda ; x:f32[3] y:f64[2] z:f32[0] m:f32[3,3]. let
    a:f32[3] = neg x
    b:f64[2] = neg y
    s:f32[3,3] = sin m
    c:f32[3,3] = dot_general[dimension_numbers=(([1], [0]), ([], []))] s s
  in (a, b, c, z) }
";

const CALLER: &str = r#"
#include "m.h"
#include <stdio.h>
#include <string.h>
static _Alignas(64) unsigned char work[M_MAIN_WORK_BYTES + 64];
static float x[4], m[9], a[3], c[9];
static double y[3], b[2];
static int call(const void *x, const void *y, const void *m, void *a, void *work, const rjax_exec *exec) {
  const void *in[] = {x, y, NULL, m};
  void *out[] = {a, b, c, NULL};
  return m_main_call(in, out, work, exec);
}
static int direct(const float *x, const double *y, float *a, void *work) {
  return m_main(x, y, NULL, m, a, b, c, NULL, work);
}
int main(void) {
  rjax_exec none;
  memset(&none, 0, sizeof none);
  void *in[4] = {0};
  printf("%d %d %d ", call(x, y, m, a, work, NULL), call(NULL, y, m, a, work, NULL), call(x, y, m, NULL, work, NULL));
  printf("%d %d ", call(x, y, m, a, NULL, NULL), m_main_call(NULL, in, work, NULL));
  printf("%d %d ", call((char *)x + 1, y, m, a, work, NULL), call(x, (char *)y + 4, m, a, work, NULL));
  printf("%d %d ", call(x, y, m, a, work + 32, NULL), call(x, y, m, a, work, &none));
  printf("%d %d ", direct(x, y, a, work), direct(NULL, y, a, work));
  printf("%d %d ", direct((float *)(void *)((char *)x + 2), y, a, work), direct(x, y, a, work + 8));
  printf("%s\n", m_main_metadata()->features);
  return 0;
}
"#;

fn run_caller(folder: &Folder) -> String {
    let mut cc = Command::new("cc");
    cc.current_dir(folder.path("")).args(["-std=c11", "-O1", "-o", "caller", "caller.c", "m.o"]);
    let built = cc.output().expect("cc runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ran = Command::new(folder.path("caller")).output().expect("the caller runs");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Makes the object ask the processor for more: `and ecx, bits; cmp ecx, bits` stands where it asks.
fn require_more(path: &Path, more: u32) {
    let mut object = std::fs::read(path).expect("the object");
    let asks =
        |code: &[u8]| code[..2] == [0x81, 0xe1] && code[6..8] == [0x81, 0xf9] && code[2..6] == code[8..12];
    let place = object.windows(12).position(asks).expect("the object asks the processor");
    let bits: [u8; 4] = object[place + 2..place + 6].try_into().expect("four bytes");
    let bits = (u32::from_le_bytes(bits) | more).to_le_bytes();
    object[place + 2..place + 6].copy_from_slice(&bits);
    object[place + 8..place + 12].copy_from_slice(&bits);
    std::fs::write(path, object).expect("the folder is writable");
}

#[test]
fn bad_calls_get_their_codes() {
    let folder = Folder::new("contracts_codes");
    folder.write("m.ir", MODEL);
    folder.write("caller.c", CALLER);
    folder.rjaxc(&["m.ir", "-o", "m.o"]).succeeds();
    let expected = if cfg!(target_arch = "x86_64") { "sse3 ssse3 cx16 sse4.1 sse4.2 popcnt" } else { "neon" };
    assert_eq!(run_caller(&folder), format!("0 -1 -1 -1 -1 -2 -2 -2 -6 0 -1 -2 -2 {expected}\n"));
    let manifest = std::fs::read_to_string(folder.path("m.json")).expect("written");
    assert!(
        manifest.contains("\"processor_features\": [") && manifest.contains("\"checks\": true"),
        "{manifest}"
    );
    if cfg!(target_arch = "x86_64") {
        // Bit 16 of what `cpuid` answers is reserved: no processor has it.
        require_more(&folder.path("m.o"), 1 << 16);
        assert_eq!(run_caller(&folder), format!("-3 -1 -1 -1 -1 -2 -2 -2 -6 -3 -1 -2 -2 {expected}\n"));
    }
    folder.rjaxc(&["m.ir", "-o", "m.o", "--no-checks"]).succeeds();
    let manifest = std::fs::read_to_string(folder.path("m.json")).expect("written");
    assert!(manifest.contains("\"checks\": false"), "{manifest}");
}

#[test]
fn symbols_can_be_hidden() {
    let folder = Folder::new("contracts_hidden");
    folder.write("m.ir", MODEL);
    folder.rjaxc(&["m.ir", "-o", "m.o", "--visibility=hidden"]).succeeds();
    let mut cc = Command::new("cc");
    cc.current_dir(folder.path("")).args(["-shared", "-nostdlib", "-o", "m.so", "m.o"]);
    assert!(cc.output().expect("cc runs").status.success());
    let nm =
        Command::new("nm").args(["-D", "--defined-only"]).arg(folder.path("m.so")).output().expect("nm runs");
    assert!(!String::from_utf8_lossy(&nm.stdout).contains("m_main"), "{nm:?}");
}

#[test]
fn every_command_compiles_for_the_same_processor() {
    let folder = Folder::new("contracts_cpu");
    folder.write("m.ir", "{ lambda ; x:f32[]. let y:f32[] = sin x in (y,) }");
    for command in ["run", "bench", "check-grad"] {
        folder.rjaxc(&[command, "m.ir", "1", "--target-cpu=native"]).succeeds();
        folder.rjaxc(&[command, "m.ir", "1", "--target-cpu=z80"]).fails(2, "unknown CPU `z80`");
    }
}

#[test]
fn real_time_is_a_promise() {
    let folder = Folder::new("contracts_realtime");
    folder.write("m.ir", MODEL);
    folder.rjaxc(&["m.ir", "-o", "m.o", "--realtime"]).succeeds();
    let manifest = std::fs::read_to_string(folder.path("m.json")).expect("written");
    let stack = manifest.split("\"stack_bytes\": ").nth(1).and_then(|rest| rest.split([',', '\n']).next());
    let stack: u64 = stack.and_then(|number| number.parse().ok()).expect("the manifest states it");
    assert!((16..100_000).contains(&stack), "{stack}");
    assert!(
        manifest.contains("\"routines\": []") && manifest.contains("\"unbounded_loops\": []"),
        "{manifest}"
    );
    let text = "{ lambda ; x:f32[]. let
    y:f32[] = while[
      body_jaxpr={ lambda ; a:f32[]. let b:f32[] = mul a 0.5:f32[] in (b,) }
      body_nconsts=0
      cond_jaxpr={ lambda ; a:f32[]. let b:bool[] = gt a 1.0:f32[] in (b,) }
      cond_nconsts=0
    ] x
  in (y,) }
";
    folder.write("loop.ir", text);
    folder.rjaxc(&["loop.ir", "-o", "loop.o", "--realtime"]).fails(3, "loop.ir:2:");
    assert!(!folder.path("loop.o").exists());
    folder.rjaxc(&["loop.ir", "-o", "loop.o"]).succeeds();
    let manifest = std::fs::read_to_string(folder.path("loop.json")).expect("written");
    assert!(manifest.contains("\"loop.ir:2:"), "{manifest}");
    folder.write(
        "eigh.ir",
        "{ lambda ; x:i32[9]. let y:i32[9] = sort[dimension=0 is_stable=True num_keys=1] x in (y,) }",
    );
    folder.rjaxc(&["eigh.ir", "-o", "e.o"]).succeeds();
}
