//! The work on nested bodies grows with their depth, and does not double at each level.

use crate::diag::Sources;
use crate::exports::entries;
use crate::front;
use std::time::{Duration, Instant};

/// A function of `x`, built around another one, for each level of nesting.
type Level = fn(inner: &str) -> String;

fn nested(level: Level, depth: usize) -> String {
    (0..depth).fold("{ lambda ; i:i32[] x:f32[]. let y:f32[] = sin x in (y,) }".to_string(), |inner, _| {
        level(&inner)
    })
}

/// Only one branch is differentiable, so that the other one lacks what it has.
fn cond(inner: &str) -> String {
    format!(
        "{{ lambda ; i:i32[] x:f32[]. let
            y:f32[] = cond[branches=(
              {inner}
              {{ lambda ; i:i32[] x:f32[]. let y:f32[] = floor x in (y,) }}
            )] i i x
            z:f32[] = mul x y
          in (z,) }}"
    )
}

/// The body of the loop is the inner function.
fn scan(inner: &str) -> String {
    format!(
        "{{ lambda ; i:i32[] x:f32[]. let
            y:f32[] = scan[jaxpr={inner} length=2 num_carry=1 num_consts=1 reverse=False] i x
            z:f32[] = mul x y
          in (z,) }}"
    )
}

/// A loop whose number of iterations nobody knows.
fn while_loop(inner: &str) -> String {
    format!(
        "{{ lambda ; i:i32[] x:f32[]. let
            y:f32[] = while[
              cond_jaxpr={{ lambda ; s:f32[]. let r:bool[] = lt s 8.0:f32[] in (r,) }}
              cond_nconsts=0
              body_jaxpr={inner}
              body_nconsts=1
            ] i x
            z:f32[] = mul x y
          in (z,) }}"
    )
}

/// How long the transformation takes: the shortest of three times.
fn time(level: Level, export: &str, depth: usize) -> Duration {
    let mut sources = Sources::new();
    let id = sources.add("main.jaxpr", nested(level, depth));
    let source = front::read(&sources, id).expect("the text of a test");
    let id = sources.add("--export", format!("f = {export}"));
    let export = front::read_export(&sources, id).expect("the expression of a test");
    let run = |_| {
        let start = Instant::now();
        entries(&source, std::slice::from_ref(&export)).expect("a transformation that exists");
        start.elapsed()
    };
    (0..3).map(run).min().expect("three times")
}

/// Residuals are handed through all levels, so that twice the depth may take four to eight times as long; work that
/// doubles at each level would take 64 times as long or more.
fn check(level: Level, export: &str) {
    let (shallow, deep) = (time(level, export, 6), time(level, export, 12));
    assert!(deep < 20 * shallow, "{export}: 6 levels take {shallow:?}, 12 take {deep:?}");
}

#[test]
fn reverse_mode_of_nested_branches() {
    check(cond, "grad(main, argnums=1)");
}

#[test]
fn forward_mode_of_nested_branches() {
    check(cond, "jvp(main, argnums=1)");
}

#[test]
fn batches_of_nested_branches() {
    check(cond, "vmap(main, in_axes=(None, 0), axis_size=3)");
}

#[test]
fn reverse_mode_of_nested_loops() {
    check(scan, "grad(main, argnums=1)");
}

#[test]
fn forward_mode_of_nested_loops() {
    check(scan, "jvp(main, argnums=1)");
    check(while_loop, "jvp(main, argnums=1)");
}

#[test]
fn batches_of_nested_loops() {
    check(scan, "vmap(main, in_axes=(None, 0), axis_size=3)");
    check(while_loop, "vmap(main, in_axes=(None, 0), axis_size=3)");
}
