//! Files that are made here, byte by byte, to promise more than they hold.

use super::*;
use crate::types::SharedBytes;

/// `2n + 1`: a number below 128.
fn number(n: usize) -> u8 {
    u8::try_from(n << 1 | 1).expect("small numbers are enough")
}

/// A number of any size, in nine bytes.
fn large(n: u64) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(n.to_le_bytes());
    bytes
}

fn section(id: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    bytes.extend(large(data.len() as u64));
    bytes.extend(data);
    bytes
}

/// A module without functions whose attributes are the last of these VHLO attributes, in a dictionary.
fn module(attributes: &[Vec<u8>]) -> Vec<u8> {
    let strings = ["builtin", "vhlo", "module", "x"];
    let mut string_section = vec![number(strings.len())];
    string_section.extend(strings.iter().rev().map(|string| number(string.len() + 1)));
    strings.iter().for_each(|string| string_section.extend(format!("{string}\0").bytes()));
    // Names of dialects, how many operations there are, then those of the first dialect.
    let dialects = [2, 0, 1, 1, 0, 1, 2].map(number);
    let mut dialects = dialects.to_vec();
    dialects[1..3].copy_from_slice(&[number(0), number(1 << 1)]);
    dialects[6] = number(2 << 1);
    // Builtin attributes: a location, the name `x`, the dictionary.
    let last = attributes.len() + 2;
    let own =
        [vec![number(15)], vec![number(2), number(3)], vec![number(1), number(1), number(1), number(last)]];
    let (mut offsets, mut entries) = (vec![number(attributes.len() + 3), number(0)], Vec::new());
    for (dialect, group) in [(0, &own[..]), (1, attributes)] {
        offsets.extend([number(dialect), number(group.len())]);
        for entry in group {
            offsets.extend(large((entry.len() as u64) << 1 | 1));
            entries.extend(entry);
        }
    }
    // One operation: name, attributes and regions, location 0, attributes 2, one region that is isolated and empty.
    let body = section(4, &[number(0)]);
    let mut ir = vec![number(1 << 1), number(0), 1 | 16, number(0), number(2), number(3)];
    ir.extend(body);
    let mut file = MAGIC.to_vec();
    file.push(number(6));
    file.extend(b"StableHLO_v1.0.0\0");
    file.extend(section(0, &string_section));
    file.extend(section(1, &dialects));
    file.extend(section(3, &offsets));
    file.extend(section(2, &entries));
    file.extend(section(4, &ir));
    file
}

/// VHLO's array of attributes, whose numbers are these. Those of builtin attributes come first.
fn array(of: &[usize]) -> Vec<u8> {
    let mut bytes = vec![number(1), number(of.len())];
    bytes.extend(of.iter().map(|&index| number(index + 3)));
    bytes
}

fn message(file: &[u8]) -> String {
    parse(&SharedBytes::copy_from_slice(file), SourceId::default()).expect_err("the file is wrong").message
}

#[test]
fn attributes_refer_to_each_other() {
    let flag = vec![number(2), number(1)];
    let module =
        parse(&module(&[flag, array(&[0, 0])]).into(), SourceId::default()).expect("the file is right");
    let flags = crate::hlo::Attribute::List(vec![crate::hlo::Attribute::Bool(true); 2]);
    assert_eq!(module.attributes.get("x"), Some(&flags));
}

#[test]
fn what_refers_to_itself_ends() {
    assert!(message(&module(&[array(&[0])])).contains("deep"));
    assert!(message(&module(&[array(&[1]), array(&[0])])).contains("deep"));
}

#[test]
fn what_doubles_with_every_attribute_ends() {
    let mut attributes = vec![vec![number(2), number(1)]];
    attributes.extend((0..50).map(|before| array(&[before, before])));
    assert!(message(&module(&attributes)).contains("out of proportion"));
}

#[test]
fn counts_are_not_believed() {
    let mut promise = vec![number(1)];
    promise.extend(large(u64::MAX));
    assert!(message(&module(&[promise])).contains("are said to follow"));
    // A blob of `tensor<..>` needs a type, and there is none.
    assert!(message(&module(&[vec![number(15), number(0)]])).contains("type 0 of 0"));
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    let flag = vec![number(2), number(1)];
    let whole = module(&[flag]);
    for length in MAGIC.len()..whole.len() {
        assert!(
            parse(&SharedBytes::copy_from_slice(&whole[..length]), SourceId::default()).is_err(),
            "{length} bytes"
        );
    }
}
