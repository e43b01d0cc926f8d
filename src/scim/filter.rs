//! tmp
/// ops
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompareOp { Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le }
