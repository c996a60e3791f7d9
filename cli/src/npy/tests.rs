//! Round trips, the files of other machines, and files that are no files.

use super::*;

fn bytes_of(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(tensor, &mut bytes).expect("writing to memory");
    bytes
}

fn read_all(bytes: &[u8], expected: Option<&Aval>) -> Result<Tensor, String> {
    read(&mut &bytes[..], Some(bytes.len() as u64), expected)
}

fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    file_with(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), data)
}

fn file_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Zeros and ones of any element type, so that every byte is a valid element.
fn sample(dtype: DType, shape: &[usize]) -> Tensor {
    let aval = Aval::new(dtype, shape);
    let width = dtype.size_bytes();
    let bytes: Vec<u8> = (0..aval.size_bytes()).map(|at| u8::from(at % (3 * width) == 0)).collect();
    Tensor::new(aval, bytes).expect("the size fits")
}

#[test]
fn every_element_type_round_trips_when_expected() {
    for dtype in DType::all() {
        for shape in [&[][..], &[0], &[3], &[2, 3, 5], &[4, 0, 2]] {
            let tensor = sample(dtype, shape);
            let bytes = bytes_of(&tensor);
            assert_eq!((bytes.len() - tensor.bytes().len()) % 64, 0, "NumPy aligns the elements");
            assert_eq!(read_all(&bytes, Some(tensor.aval())).as_ref(), Ok(&tensor), "{dtype} {shape:?}");
        }
    }
}

#[test]
fn ordinary_types_need_no_expectation() {
    for dtype in [DType::Bool, DType::I8, DType::U64, DType::F16, DType::BF16, DType::F32, DType::C128] {
        let tensor = sample(dtype, &[2, 3]);
        assert_eq!(read_all(&bytes_of(&tensor), None), Ok(tensor));
    }
    assert_eq!(
        read_all(&file("|V1", false, "(1,)", &[0]), None).unwrap_err(),
        "element type `|V1` is not known"
    );
}

#[test]
fn column_major_files_are_transposed() {
    // [[0, 1, 2], [3, 4, 5]] stored by columns.
    let bytes = file("|u1", true, "(2, 3)", &[0, 3, 1, 4, 2, 5]);
    assert_eq!(read_all(&bytes, None).expect("an array").bytes(), [0, 1, 2, 3, 4, 5]);
    let cube: Vec<u8> = (0..24).collect();
    let tensor = read_all(&file("|u1", true, "(2, 3, 4)", &cube), None).expect("an array");
    for index in tensor.shape().indices() {
        assert_eq!(tensor.get(&index), Scalar::Int((index[0] + 2 * index[1] + 6 * index[2]) as i128));
    }
    assert!(read_all(&file("<f4", true, "(2, 0)", &[]), None).expect("an array").bytes().is_empty());
}

#[test]
fn big_endian_files_are_swapped() {
    let bytes = file(">f4", false, "(2,)", &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]);
    assert_eq!(read_all(&bytes, None), Ok(Tensor::from_f64s(DType::F32, [2], &[1.0, -2.0])));
    let bytes = file(">c8", false, "()", &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]);
    let tensor = read_all(&bytes, None).expect("an array");
    assert_eq!(tensor.get(&[]), Scalar::Complex(1.0, -2.0));
}

#[test]
fn all_format_versions_are_read() {
    let header = "{'shape': (1,), 'descr': '|b1', 'fortran_order': False}";
    for version in [2u8, 3] {
        let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.push(7);
        assert_eq!(read_all(&bytes, None).expect("an array").bytes(), [1], "any byte but 0 is true");
    }
}

#[test]
fn small_integers_keep_their_low_bits_or_their_range() {
    let i4 = Aval::new(DType::I4, [2]);
    assert_eq!(
        read_all(&file("<V1", false, "(2,)", &[0x0f, 7]), Some(&i4)).expect("an array").bytes(),
        [0xff, 7]
    );
    assert_eq!(
        read_all(&file("|i1", false, "(2,)", &[0xf8, 7]), Some(&i4)).expect("an array").bytes(),
        [0xf8, 7]
    );
    let error = read_all(&file("|i1", false, "(2,)", &[0xf7, 7]), Some(&i4)).unwrap_err();
    assert_eq!(error, "-9 is out of the range of i4");
}

#[test]
fn errors_say_expected_and_found() {
    let expected = Aval::new(DType::F32, [3]);
    let error = |bytes: &[u8]| read_all(bytes, Some(&expected)).unwrap_err();
    assert_eq!(error(&bytes_of(&sample(DType::F32, &[4]))), "expected f32[3], found f32[4]");
    assert_eq!(error(&bytes_of(&sample(DType::F64, &[3]))), "expected f32[3], found f64[3]");
    assert_eq!(error(&file("<U3", false, "(3,)", &[])), "expected f32[3], found `<U3`[3]");
    let key = Aval::new(DType::KeyFry, [2]);
    let found = read_all(&bytes_of(&sample(DType::U32, &[2])), Some(&key)).unwrap_err();
    assert_eq!(found, "expected u32[2,2], the data of key<fry>[2], found u32[2]");
}

#[test]
fn malformed_files_are_refused() {
    let good = bytes_of(&sample(DType::F32, &[3]));
    let error = |bytes: &[u8]| read_all(bytes, None).unwrap_err();
    assert!(error(b"").contains("too short"));
    assert!(error(b"PK\x03\x04 a zip file").contains("not a .npy file"));
    assert!(error(&good[..40]).contains("cut off"));
    assert!(error(&good[..good.len() - 1]).contains("takes 12 bytes, the file holds 11"));
    assert!(error(&[&good[..], b"x"].concat()).contains("takes 12 bytes, the file holds 13"));
    assert!(error(&file("|O", false, "(3,)", &[])).contains("not known"));
    assert!(error(&file("<f4", false, "(-3,)", &[])).contains("expected an extent"));
    assert!(error(&file("<f4", false, "(3", &[])).contains("expected"));
    assert!(error(&file("<f4", false, "(99999999999999999999,)", &[])).contains("too large"));
    assert!(error(&file("<f4", false, "(4294967296, 4294967296)", &[])).contains("too large"));
    assert!(error(&file_with("{'descr': [('a', '<f4')]}", &[])).contains("records"));
    assert!(error(&file_with("{'descr': '<f4', 'descr': '<f4'}", &[])).contains("two values"));
    assert!(error(&file_with("{'descr': '<f4'}", &[])).contains("lacks `fortran_order`"));
    assert!(error(&file_with("{'x': 1}", &[])).contains("unknown key"));
}

#[test]
fn a_claimed_size_allocates_nothing() {
    // 2^60 bytes claimed, none there, and the length of the source is not known.
    let bytes = file("|u1", false, "(1152921504606846976,)", &[]);
    let error = read(&mut &bytes[..], None, None).unwrap_err();
    assert!(error.contains("ends after 0"), "{error}");
}

/// A small generator, so that the test is the same on every run.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    *state >> 33
}

#[test]
fn no_mutation_panics() {
    let seeds = [
        bytes_of(&sample(DType::F32, &[2, 3])),
        file(">c16", true, "(1, 1)", &[0; 16]),
        file("<V2", true, "(3, 2)", &[0; 12]),
    ];
    let expected = Aval::new(DType::F32, [2, 3]);
    let (mut state, mut arrays) = (7, 0);
    for round in 0..60_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=next(&mut state) % 4 {
            let at = next(&mut state) as usize % bytes.len();
            match next(&mut state) % 4 {
                0 => bytes[at] = next(&mut state) as u8,
                1 => bytes[at] ^= 1 << (next(&mut state) % 8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b"0123456789(),'<>|TF"[next(&mut state) as usize % 19]),
            }
        }
        for expected in [None, Some(&expected)] {
            let length = (round % 2 == 0).then_some(bytes.len() as u64);
            arrays += usize::from(read(&mut &bytes[..], length, expected).is_ok());
        }
    }
    assert!(arrays > 1000, "only {arrays} mutations left an array: the test no longer tries valid files");
}

#[test]
fn wide_integers_are_narrowed_where_they_fit() {
    let wide = Tensor::from_f64s(DType::I64, [3], &[1.0, -7.0, 2147483647.0]);
    let expected = Aval::new(DType::I32, [3]);
    let narrow = Tensor::from_f64s(DType::I32, [3], &[1.0, -7.0, 2147483647.0]);
    assert_eq!(read_all(&bytes_of(&wide), Some(&expected)), Ok(narrow));
    let error = read_all(&bytes_of(&wide), Some(&Aval::new(DType::U8, [3]))).unwrap_err();
    assert_eq!(error, "expected u8[3], found i64[3] with -7, which does not fit u8");
    let error = read_all(&bytes_of(&wide), Some(&Aval::new(DType::I32, [2]))).unwrap_err();
    assert_eq!(error, "expected i32[2], found i64[3]");
    let floats = Tensor::from_f64s(DType::F64, [3], &[1.0; 3]);
    assert_eq!(
        read_all(&bytes_of(&floats), Some(&Aval::new(DType::F32, [3]))).unwrap_err(),
        "expected f32[3], found f64[3]"
    );
}
