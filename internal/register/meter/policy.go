package meter

import (
	"time"
)

// Policy is what the file register.toml says. Load reads it, and refuses what it does
// not understand: a policy half understood protects half.
type Policy struct {
	// Mode is "enforce" or "observe". Observing counts, records and raises findings, and stops nobody.
	Mode string `toml:"mode"`
	// Zone is the IANA name of the time zone of working hours. Default UTC.
	Zone string `toml:"zone"`
	// GroupSize is the smallest group over which counts and sums may be given. Default 10.
	GroupSize int `toml:"group_size"`
	// Supervisors may grant more, approve, and act in an emergency.
	Supervisors []Supervisor `toml:"supervisor"`

	Protected []Protected `toml:"protected"`
	Identity  Identity    `toml:"identity"`
	Roles     []Role      `toml:"role"`
	People    []Person    `toml:"person"`
	Purposes  []Purpose   `toml:"purpose"`
	Programs  []Program   `toml:"program"`
	Budgets   []Budget    `toml:"budget"`
	Masks     []Mask      `toml:"mask"`
	Allow     []Statement `toml:"allow"`
	// Functions that may be called although they could read what is protected: "schema.name".
	Functions []string      `toml:"functions"`
	Brake     BrakePolicy   `toml:"brake"`
	Emergency Emergency     `toml:"emergency"`
	Normals   NormalsPolicy `toml:"normals"`

	file, hash string
	zone       *time.Location
	people     map[string]*Person // by name
	users      map[string]*Person // by database user
	certs      map[string]*Person // by certificate
	roles      map[string]*Role
	purposes   map[string]*Purpose
	programs   []*Program
}

// Protected names a relation whose rows are metered.
type Protected struct {
	Relation string `toml:"relation"` // schema.table
	Key      string `toml:"key"`      // the column that tells voters apart
	// Anonymous is a boolean column that marks voters at risk, whose records leave only after two
	// approvals. Where a statement does not show it, the guard looks it up in a list of their keys
	// that it reads anew every AnonymousSeconds (default 60).
	Anonymous        string `toml:"anonymous"`
	AnonymousSeconds int    `toml:"anonymous_seconds"`
}

// Identity says where the four axes come from.
type Identity struct {
	// Person is where a person comes from, tried in order: "certificate" (its common name)
	// and "user" (the database user). Default both.
	Person []string `toml:"person"`
	// Purpose is where a purpose comes from, tried in order: "set" (SET portcullis.purpose), "parameter"
	// (the connection parameter of that name, as in options=-cportcullis.purpose=…), and
	// "application" (what stands behind the slash of application_name). Default all three.
	Purpose []string `toml:"purpose"`
	// DefaultPurpose stands where none was given. "" refuses, if there are purposes at all.
	DefaultPurpose string `toml:"default_purpose"`
	// DefaultRole is the role of people whom the file does not name. "" refuses them.
	DefaultRole string `toml:"default_role"`
}

// Role is what people do.
type Role struct {
	Name     string   `toml:"name"`
	Hours    []Hours  `toml:"hours"`    // none: always
	Purposes []string `toml:"purposes"` // none: all
	Programs []string `toml:"programs"` // none: all
	// ExtraHours are for single days, such as polling day: "2027-05-06 05:00-24:00".
	ExtraHours []ExtraHours `toml:"extra_hours"`
	// AllowedOnly refuses every statement on protected relations that the allow-list lacks.
	AllowedOnly bool `toml:"allowed_only"`
}

// Person is somebody with a name in the ledger.
type Person struct {
	Name         string   `toml:"name"`
	Role         string   `toml:"role"`
	Users        []string `toml:"users"`        // database users; default the name
	Certificates []string `toml:"certificates"` // common names of client certificates
	// SpeaksFor makes it an application whose one database user serves many people: it names
	// the person with SET portcullis.person, and only people of these roles. Until it has, it is nobody and reads nothing.
	SpeaksFor []string `toml:"speaks_for"`
}

// Supervisor may grant and approve. Token is the SHA-256, in hex, of the token that is
// theirs; `portcullis register token` makes one.
type Supervisor struct {
	Name  string `toml:"name"`
	Token string `toml:"token_sha256"`
}

// Purpose is what a record may be read for.
type Purpose struct {
	Name  string   `toml:"name"`
	Roles []string `toml:"roles"` // none: all
}

// Program is what reads, by application_name up to the first slash. It is what the program says
// of itself, so it narrows honest mistakes and stops no liar; a certificate does.
type Program struct {
	Name  string   `toml:"name"`
	Match []string `toml:"match"` // patterns with *; default the name
}

// Budget bounds what is counted together. Zero is no bound.
type Budget struct {
	Name string `toml:"name"` // its counts are kept under the name: another name begins anew
	// Per is what is counted together: "person", "role", "purpose" or "program".
	Per string `toml:"per"`
	// Role, Person, Purpose and Program narrow whom it concerns; "" is everybody.
	Role    string `toml:"role"`
	Person  string `toml:"person"`
	Purpose string `toml:"purpose"`
	Program string `toml:"program"`

	Hour   int64 `toml:"hour"` // distinct voters
	Day    int64 `toml:"day"`
	Days30 int64 `toml:"days30"`
	Year   int64 `toml:"year"`

	RowsPerMinute     int64 `toml:"rows_per_minute"`
	StatementsPerHour int64 `toml:"statements_per_hour"`
}

// Mask replaces a column for roles and purposes; none of either means all.
type Mask struct {
	Column   string   `toml:"column"` // schema.table.column
	Show     string   `toml:"show"`   // "year" of a date, "none" (NULL), "text"
	Text     string   `toml:"text"`   // instead of the value, with show = "text"
	Roles    []string `toml:"roles"`
	Purposes []string `toml:"purposes"`
}

// Statement is one entry of the allow-list: a fingerprint and how far its shape may go,
// for a fingerprint alone lets through IN (1,2,…), LIKE '%' and any LIMIT.
type Statement struct {
	Fingerprint string   `toml:"fingerprint"`
	Text        string   `toml:"text"` // for people; the fingerprint decides
	Roles       []string `toml:"roles"`
	Purposes    []string `toml:"purposes"`
	ListMax     int      `toml:"list_max"`    // longest IN list; default 1
	Arrays      bool     `toml:"arrays"`      // = ANY($1) may be there: a list whose length cannot be seen
	PatternMin  int      `toml:"pattern_min"` // fewest literal characters before the first wildcard; default 3
	LimitMax    int64    `toml:"limit_max"`   // largest LIMIT; 0: none is asked for
}

// BrakePolicy is when bulk reading stops for everyone. RowsPerMinute 0 has no brake by itself;
// people can still pull it.
type BrakePolicy struct {
	RowsPerMinute       int64 `toml:"rows_per_minute"`        // everybody together
	PersonRowsPerMinute int64 `toml:"person_rows_per_minute"` // who reads more is stopped alone, and counts no further
	People              int   `toml:"people"`                 // so many must be reading in bulk; at least 3, the default
	Minutes             int   `toml:"minutes"`                // then it releases; default 15
	Small               int64 `toml:"small"`                  // rows a minute that everyone may still read; default 60
}

// Emergency bounds what two supervisors may declare.
type Emergency struct {
	MaxHours      int   `toml:"max_hours"`      // default 12
	Factor        int64 `toml:"factor"`         // budgets and rates are multiplied by it; default 10
	RehearseEvery int   `toml:"rehearse_every"` // days after which status asks for a rehearsal; default 90
}

// NormalsPolicy is when reading counts as unusual.
type NormalsPolicy struct {
	Off    bool    `toml:"off"`
	Factor float64 `toml:"factor"` // so many times a role's 99th percentile; default 2
	Floor  int64   `toml:"floor"`  // and at least so many voters in the hour; default 20
	Weeks  int     `toml:"weeks"`  // of history before anything is said; default 4
}

// Subject is who is metered: the four axes of a budget.
type Subject struct{ Person, Role, Purpose, Program string }

// Enforcing tells whether anybody is stopped.
func (p *Policy) Enforcing() bool { return p.Mode == "enforce" }

// Version is a hash of the file, for the ledger.
func (p *Policy) Version() string { return p.hash }

// File is where it was read.
func (p *Policy) File() string { return p.file }

// Location is the zone of working hours.
func (p *Policy) Location() *time.Location { return p.zone }

// axis is the value of a subject that a budget counts by.
func (b *Budget) axis(s Subject) string {
	switch b.Per {
	case "person":
		return s.Person
	case "role":
		return s.Role
	case "purpose":
		return s.Purpose
	}
	return s.Program
}

// concerns tells whether a budget bounds a subject.
func (b *Budget) concerns(s Subject) bool {
	return either(b.Role, s.Role) && either(b.Person, s.Person) && either(b.Purpose, s.Purpose) && either(b.Program, s.Program)
}

// countedAs is a subject as far as anything is counted by it. Of a purpose that the policy does not name nothing is: no
// budget can be narrowed to it, and where there are budgets per purpose nobody reads for another than those that are
// named. So whoever invents purposes has one account for all of them, and one for those that the ledger remembers from
// a time when others were named.
func (p *Policy) countedAs(s Subject) Subject {
	if s.Purpose != "" && p.purposes[s.Purpose] == nil {
		s.Purpose = ""
	}
	return s
}

func either(want, have string) bool { return want == "" || want == have }

func (b *Budget) limit(w Window) int64 {
	return [windows]int64{b.Hour, b.Day, b.Days30, b.Year}[w]
}
