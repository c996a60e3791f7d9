//! Compiling takes time in proportion to the program.

use rjaxc_tests::road;
use std::time::Instant;

/// The loss of a dense network and its gradient by all weights and biases, two per layer.
fn network(layers: usize) -> String {
    let parameters: String = (0..layers).map(|layer| format!(" w{layer}:f32[8,8] b{layer}:f32[8]")).collect();
    let mut text = format!("let loss = {{ lambda ; h0:f32[8]{parameters}. let\n");
    for layer in 0..layers {
        let next = layer + 1;
        text += &format!(
            "p{layer}:f32[8] = dot_general[dimension_numbers=(([0], [0]), ([], []))] h{layer} w{layer}\n\
             q{layer}:f32[8] = add p{layer} b{layer}\n\
             h{next}:f32[8] = tanh q{layer}\n"
        );
    }
    let argnums: String = (1..=2 * layers).map(|argnum| format!("{argnum}, ")).collect();
    text += &format!("s:f32[] = reduce_sum[axes=(0,)] h{layers} in (s,) }}\n");
    text + &format!("export gradient = value_and_grad(loss, argnums=({argnums}))\n")
}

/// How long this thread has computed, which others on the machine do not lengthen; elsewhere than on Linux, the time of
/// day. Units: seconds.
fn seconds(start: Instant) -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}

/// The shortest of three times from text to object. Units: seconds.
fn time(layers: usize) -> f64 {
    let text = network(layers);
    let run = |_| {
        let clock = Instant::now();
        let start = seconds(clock);
        road::object(&text, false).expect("a valid program");
        seconds(clock) - start
    };
    (0..3).map(run).fold(f64::INFINITY, f64::min)
}

#[test]
fn gradients_of_deep_networks_compile_in_linear_time() {
    let times = [25, 50, 100].map(time);
    let [quarter, half, whole] = times;
    assert!(half < 3.0 * quarter && whole < 3.0 * half, "25, 50 and 100 layers take {times:?} seconds");
    // Without optimization, the compiler is ten times slower and checks itself.
    let bound = if cfg!(debug_assertions) { 20.0 } else { 1.0 };
    assert!(half < bound, "50 layers take {half} seconds");
}
