use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0_u8..30) {
        let mut record = u32::try_from(bytes.len().saturating_add(2)).unwrap().to_le_bytes().to_vec();
        record.extend([VERSION, kind]);
        record.extend(&bytes);
        let mut rest = record.as_slice();
        if read(&mut rest).is_err() {
            prop_assert_eq!(rest.len(), record.len());
        }
        let mut rest = bytes.as_slice();
        prop_assert!(read(&mut rest).is_err() || rest.len() < bytes.len());
    }
}
