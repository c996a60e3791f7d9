//! Compiling takes time in proportion to the program.

use rjaxc_tests::road;
use std::sync::{Mutex, PoisonError};
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

/// How long this process has computed, all its threads together, which others on the machine do not lengthen; elsewhere
/// than on Linux, the time of day. Units: seconds.
fn seconds(start: Instant) -> f64 {
    let statistics = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may be anything.
    let fields = statistics.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    // Linux counts in hundredths for every program.
    if ticks.len() == 2 { ticks.iter().sum::<f64>() / 100.0 } else { start.elapsed().as_secs_f64() }
}

/// Held while a time is taken: other tests compute in this process, too.
static ALONE: Mutex<()> = Mutex::new(());

/// The shortest of three times from the text of a network to its object. Units: seconds.
fn time(layers: usize) -> f64 {
    time_of(&network(layers))
}

fn time_of(text: &str) -> f64 {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let run = |_| {
        let clock = Instant::now();
        let start = seconds(clock);
        road::object(text, false).expect("a valid program");
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

/// A function of one `f32[8]`, given its equations and its outputs.
fn function(equations: impl IntoIterator<Item = String>, outputs: &str) -> String {
    let equations: String = equations.into_iter().map(|equation| equation + "\n").collect();
    format!("{{ lambda ; x0:f32[8]. let\n{equations} in ({outputs},) }}\n")
}

fn chain(count: usize) -> String {
    let step = |i| format!("x{}:f32[8] = {} x{i} x0", i + 1, ["add", "mul", "sub"][i % 3]);
    function((0..count).map(step), &format!("x{count}"))
}

/// Nests that all read one array.
fn readers(count: usize) -> String {
    let read = |i| format!("x{0}:f32[8] = mul x0 {0}.5:f32[]\ny{0}:f32[8] = add x{0} y{i}", i + 1);
    function(std::iter::once("y0:f32[8] = neg x0".into()).chain((0..count).map(read)), &format!("y{count}"))
}

/// Values that all live to the end: none of them can be computed where it is used.
fn wide(count: usize) -> String {
    let leaf =
        |i: usize| format!("a{i}:f32[8] = mul x0 {}.5:f32[]\nb{i}:f32[] = reduce_max[axes=(0,)] a{i}", i + 1);
    let sum = |i: usize| {
        let so_far = if i == 0 { "0.0:f32[]".to_string() } else { format!("s{}", i - 1) };
        format!(
            "c{i}:f32[8] = mul a{i} b{}\nd{i}:f32[] = reduce_sum[axes=(0,)] c{i}\ns{i}:f32[] = add {so_far} d{i}",
            count - 1 - i
        )
    };
    function((0..count).map(leaf).chain((0..count).map(sum)), &format!("s{}", count - 1))
}

fn many_outputs(count: usize) -> String {
    let outputs: Vec<String> = (1..=count).map(|i| format!("x{i}")).collect();
    let equation = |i: usize| format!("x{i}:f32[8] = mul x0 {i}.5:f32[]");
    function((1..=count).map(equation), &outputs.join(", "))
}

fn functions_of_angles(count: usize) -> String {
    let step = |i| format!("x{}:f32[8] = {} x{i}", i + 1, ["sin", "cos"][i % 2]);
    function((0..count).map(step), &format!("x{count}"))
}

/// The gradient of loops in loops; each part of the state gains its tangent one round after the one before.
fn nested_scans(depth: usize) -> String {
    const STATE: usize = 5;
    let list = |name: &str, ty: &str| -> String { (0..STATE).map(|i| format!(" {name}{i}{ty}")).collect() };
    let outputs = (0..STATE).map(|i| format!("d{i}")).collect::<Vec<_>>().join(", ");
    let mut body = "d0:f32[] = mul c0 w; ".to_string();
    body += &(1..STATE).map(|i| format!("d{i}:f32[] = add c{i} c{}; ", i - 1)).collect::<String>();
    for _ in 0..depth {
        let inner = format!("{{ lambda ; w:f32[]{}. let {body} in ({outputs}) }}", list("c", ":f32[]"));
        body = format!(
            "{} = scan[jaxpr={inner} length=2 num_carry={STATE} num_consts=1 reverse=False unroll=1] w{}; ",
            list("d", ":f32[]"),
            list("c", "")
        );
    }
    let last = STATE - 1;
    format!(
        "export g = grad(f)\nlet f = {{ lambda ; w:f32[]{}. let {body} in (d{last},) }}\n",
        list("c", ":f32[]")
    )
}

/// What it is called, how to write one of a size, and a size.
type Kind = (&'static str, fn(usize) -> String, usize);

#[test]
fn twice_the_equations_take_about_twice_the_time() {
    let kinds: [Kind; 5] = [
        ("a chain", chain, 3000),
        ("a wide program", wide, 500),
        ("many outputs", many_outputs, 1000),
        ("many readers of one array", readers, 2000),
        ("sines and cosines", functions_of_angles, 400),
    ];
    for (name, program, count) in kinds {
        let [small, large] = [count, 4 * count].map(|count| time_of(&program(count)));
        // Linear is 4, quadratic 16. Clocks tick in hundredths of a second.
        assert!(
            large < 9.0 * small.max(0.02),
            "{name}: {count} take {small} s, four times as many {large} s"
        );
    }
}

#[test]
fn loops_in_loops_take_time_in_proportion_to_their_depth() {
    let [small, large] = [5, 10].map(|depth| time_of(&nested_scans(depth)));
    // The loops grow with their depth; one more round at each level would make it 30 or more. Clocks tick in milliseconds.
    assert!(large < 12.0 * small.max(0.01), "5 loops take {small} s, 10 loops {large} s");
}
