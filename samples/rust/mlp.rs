//! Reads one picture of a digit with the compiled network and compares with what JAX computed. See samples/demo.sh.

#[path = "../../build/mlp.rs"]
mod mlp;
mod mlp_input;

use mlp_input::{EXPECTED, INPUT};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut found = [0.0; 10];
    let mut work = Box::new(mlp::MainWork::new());
    mlp::main(&INPUT, &mut found, &mut work)?;
    let best = (0..10).max_by(|&a, &b| found[a].total_cmp(&found[b])).expect("there are ten digits");
    let differences = found.iter().zip(&EXPECTED).map(|(found, expected)| (found - expected).abs());
    // `max` would overlook a NaN.
    let worst = differences.fold(0.0f32, |worst, x| if x <= worst { worst } else { x });
    println!("It reads a {best}. Largest difference from JAX: {worst:.1e}.");
    if worst <= 1e-4 { Ok(()) } else { Err("the results differ from JAX's".into()) }
}
