//! How much a client may depart from the RFC: tolerance as data, one row a profile, chosen per client credential.

/// What is accepted beyond RFC 7644. Each field is one departure, named after what it lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name in `portolan.yaml`.
    pub name: &'static str,
    /// PATCH `remove` on a list with a list as `value` removes only those items (the RFC knows no value there).
    pub remove_by_value: bool,
    /// PATCH `add` or `replace` through `[type eq "work"]` that selects nothing creates that item.
    pub create_on_no_match: bool,
    /// `"True"` and `"False"` are booleans, in bodies and filters, and `True` without quotes in filters.
    pub string_booleans: bool,
    /// A readOnly `id` in a PATCH is ignored when it equals the resource's.
    pub equal_id: bool,
    /// A text (or a list of one object) stands for a complex value: `"members": ["u1"]`, `"manager": "u9"`.
    pub bare_values: bool,
    /// Keys such as `name.givenName` and `urn:…:User:department` stand in bodies and in the value of a PATCH without path.
    pub dotted_keys: bool,
    /// Filters may hold more blanks than the grammar knows, and `emails[type eq "work"].value eq "x"`.
    pub loose_filters: bool,
    /// Attributes of a published schema that the mapping lacks, and unknown ones, are ignored in bodies and PATCH paths.
    pub ignore_unmapped: bool,
}

impl Profile {
    /// The RFC and nothing else.
    pub const STRICT: Self = Self {
        name: "strict",
        remove_by_value: false,
        create_on_no_match: false,
        string_booleans: false,
        equal_id: false,
        bare_values: false,
        dotted_keys: false,
        loose_filters: false,
        ignore_unmapped: false,
    };

    /// What Entra and Okta send; the default.
    pub const TOLERANT: Self = Self {
        name: "tolerant",
        remove_by_value: true,
        create_on_no_match: true,
        string_booleans: true,
        equal_id: true,
        bare_values: true,
        dotted_keys: true,
        loose_filters: true,
        ignore_unmapped: true,
    };

    /// All profiles, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::TOLERANT, Self::STRICT];

    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name == name)
    }
}
