// Package screening tells whether a name is on a sanctions list or an influence
// register, in whatever script it comes, and what follows from it.
//
// Names are read into words; each word into the ways it may be written. A search
// has two stages. The first finds the indexed names that share enough words with
// the query, through keys that survive a slip of the keyboard, another
// romanisation, or words written together. The second aligns the words of both
// names one by one and adds up what agrees and what does not. Every number in a
// score can be read off the alignment that comes with it; docs/SCREENING.md
// argues the steps.
//
// A score speaks of names. Whether the same name is the same person takes
// something more: a birth date, a country, an identifier. Names that very many
// people bear are therefore never called a match on their own.
package screening

// MatcherVersion changes whenever the same query and the same entries can give
// another score. It is part of each audit record.
const MatcherVersion = "3"

const (
	// MatchThreshold is the score from which on a hit is called a match.
	// How it was chosen is in docs/SCREENING.md.
	MatchThreshold = 0.835
	// MaxName is how many bytes of a name are compared. What comes after them is not
	// looked at; whoever takes names in says so.
	MaxName = 600
	// Floor is the score below which Search returns nothing.
	Floor = 0.50
)

// Kind says what an entry is.
type Kind string

// The kinds. KindUnknown is compared with every other.
const (
	KindUnknown      Kind = ""
	KindPerson       Kind = "person"
	KindOrganisation Kind = "organisation"
	KindVessel       Kind = "vessel"
	KindAircraft     Kind = "aircraft"
)

// NameKind says how a list gives a name.
type NameKind string

// The kinds of name. A weak alias is one its list calls weak or of low quality.
const (
	NamePrimary        NameKind = "primary"
	NameAlias          NameKind = "alias"
	NameWeakAlias      NameKind = "weak alias"
	NameOriginalScript NameKind = "original script"
	NameMaiden         NameKind = "maiden"
	NameFormer         NameKind = "former"
)

// Name is one name of an entry as its list gives it.
type Name struct {
	Text   string   // "KHOROSHEV Dmitry Yureyvich"
	Script string   `json:",omitempty"` // ISO 15924 code such as "Hans", where the list tells; matching finds out by itself
	Kind   NameKind `json:",omitempty"`
	Parts  []Part   `json:",omitempty"` // where the list keeps them apart
}

// Part is one part of a name with its role.
type Part struct {
	Role Role
	Text string
}

// Role is what a part of a name is.
type Role string

// The roles a list may tell apart.
const (
	RoleGiven      Role = "given"
	RoleFamily     Role = "family"
	RolePatronymic Role = "patronymic"
	RoleTitle      Role = "title"
	RoleOther      Role = "other"
)

// PartialDate is a date of which parts may be unknown (0). To is the last year of
// a range that begins in Year.
type PartialDate struct {
	Year, Month, Day int
	To               int  `json:",omitempty"`
	Approximate      bool `json:",omitempty"`
}

// Identifier is a number or code that points to one entry.
type Identifier struct {
	Kind    string // "passport", "national id", "registration", "imo", "lei" …
	Value   string
	Country string `json:",omitempty"`
}

// Consequence is a measure that follows from a designation.
type Consequence struct {
	Measure Measure
	Detail  string `json:",omitempty"` // the list's own words
}

// Measure names a consequence.
type Measure string

// The measures that lists impose. MeasureOther goes with the list's own words.
const (
	AssetFreeze       Measure = "asset freeze"
	TravelBan         Measure = "travel ban"
	ArmsEmbargo       Measure = "arms embargo"
	TrustServices     Measure = "trust services"
	DirectorBan       Measure = "director disqualification"
	TradeRestriction  Measure = "trade restriction"
	FinancialServices Measure = "financial services restriction"
	TransportSanction Measure = "transport sanction"
	MeasureOther      Measure = "other"
)

// Influence is a registration in an influence register. It is no designation
// and carries no measure; it is shown apart.
type Influence struct {
	Register  string // "FARA", "FIRS", "FITS"
	Tier      string // as the register calls it; "" where it has none
	Principal string // on whose behalf
}

// Entity is one entry of a list.
type Entity struct {
	ID            string // the list's own
	List          string // "uk", "un", "eu" …
	Kind          Kind
	Names         []Name
	Births        []PartialDate `json:",omitempty"`
	Nationalities []string      `json:",omitempty"` // as listed; compared through Country
	Countries     []string      `json:",omitempty"` // of address, birth, flag, incorporation
	Gender        string        `json:",omitempty"` // "male", "female", ""
	Identifiers   []Identifier  `json:",omitempty"`
	Consequences  []Consequence `json:",omitempty"`
	Influence     *Influence    `json:",omitempty"`
	Program       string        `json:",omitempty"`
	Remarks       string        `json:",omitempty"`
	Updated       string        `json:",omitempty"` // date of the list's last change, as it states it
}

// Query is what is looked for.
type Query struct {
	Name        string
	Schema      Kind // KindUnknown: any
	Born        PartialDate
	Countries   []string
	Gender      string
	Identifiers []Identifier
}

// Hit is one entry a query resembles.
type Hit struct {
	Entity *Entity
	Name   Name    // the name that matched best
	Score  float64 // 0–1, of name and everything else
	// Possible: the name fits, but is one that very many people bear, or nothing
	// beyond a weak alias fits: it needs a birth date or nationality before
	// anybody may call it a match. Or the name is rare and the same, and a birth date,
	// country or gender speaks against it. Score stays below MatchThreshold.
	Possible  bool
	NameScore float64 // before birth date, country, gender and identifiers
	Alignment []AlignedPart
	For       []string // beyond the name
	Against   []string
}

// AlignedPart is one line of an alignment. Query or Entry is empty where the
// other name has nothing that fits.
type AlignedPart struct {
	Query          string
	Entry          string
	Transformation string
	Weight         float64 // share in the whole, adds up to 1 over an alignment
	Score          float64 // 0–1
}

// Comparison is how two names compare.
type Comparison struct {
	Score     float64
	Alignment []AlignedPart
	Against   []string
}

// Options says how an index is built.
type Options struct {
	// WithoutOriginalScript leaves names of the kind NameOriginalScript, and all
	// names in other than Latin letters, out of the index: for measuring only.
	WithoutOriginalScript bool
}
