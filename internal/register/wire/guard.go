package wire

import "context"

// Guard judges; the gateway moves bytes. There is one Guard for the process;
// its methods are called from many sessions at once.
type Guard interface {
	// Begin is asked once PostgreSQL has authenticated a client and before
	// the client is told so. An error ends the session: a *Refusal is sent to
	// the client as it is, any other error as a general one, and logged.
	Begin(ctx context.Context, who Start) (Session, error)
}

// Start says who begins a session.
type Start struct {
	User, Database string
	Application    string // application_name of the start-up packet
	Remote         string // host:port of the client, "" through a Unix socket
	TLS            bool
	ClientCert     string            // common name of a verified client certificate, "" without
	Parameters     map[string]string // the start-up packet's, as the client sent them (options, search_path …)
	Reported       map[string]string // PostgreSQL's first ParameterStatus messages (server_version, is_superuser …)
	Version        uint32            // protocol in use, 3<<16 or 3<<16|2
	BackendPID     uint32
}

// Session judges what one client does. Its methods are asked in PostgreSQL's
// order of things, and their calls never overlap. What else a session can do
// is said by further interfaces it may implement: Binder, Noticer, Notifier,
// Reporter, Follower, Teller, Leaver, Promiser.
type Session interface {
	// Statement is asked for the text of a Query (simple) or Parse, before it
	// is sent on. With an error nothing is sent on: PostgreSQL is given a
	// statement that fails instead, so that a transaction and a pipeline end
	// up as they would after any failed statement, and the client is told
	// the error in its turn.
	Statement(ctx context.Context, text string, simple bool) (Decision, error)
	// Changed tells a ParameterStatus that PostgreSQL sent after the start.
	Changed(name, value string)
	// Release is asked before rows leave for the client; keys are those of
	// the rows read since the last call, all of the one result. Rows leave
	// only when it has returned. With an error exactly the first `allowed`
	// rows leave, PostgreSQL is cancelled and the client gets the error. The
	// keys are valid until it returns.
	Release(ctx context.Context, r *Result, keys *Keys) (allowed int, err error)
	// End is the last call.
	End()
}

// Binder is asked about each Bind of a statement that is not passed. Where a
// pipeline leaves open which of two statements a name will mean, it is asked
// for each. What it returns holds for this portal alone, in place of d; nil
// leaves d. It has as many hidden columns.
type Binder interface {
	Bind(ctx context.Context, d *Decision, p Parameters) (*Decision, error)
}

// Noticer sees each ErrorResponse and NoticeResponse of PostgreSQL's before
// it leaves and may change its texts: they can carry values.
type Noticer interface {
	Notice(f *Fields)
}

// Notifier says whether a NotificationResponse may leave, and with what
// payload.
type Notifier interface {
	Notification(pid uint32, channel, payload string) (string, bool)
}

// Reporter says with what value a ParameterStatus leaves, or that it does
// not: set_config() can put any value into application_name.
type Reporter interface {
	Report(name, value string) (string, bool)
}

// Follower is told how things went: the tag of each completed statement of a
// decision ("SELECT 5"), and the transaction's status at each ReadyForQuery
// ('I' idle, 'T' in a transaction, 'E' in a failed one).
type Follower interface {
	Completed(r *Result, tag string)
	Ready(status byte)
}

// Teller is asked before each ReadyForQuery for what the client is to be told, beside what
// PostgreSQL says: each leaves as a notice.
type Teller interface {
	Tell() []string
}

// Leaver is a session that rarely waits, and never without a word: before it
// waits for a disk, a database or another session, or computes for long, it calls
// leave, any number of times and from any goroutine. Sessions that keep to
// it share a goroutine, which costs little more than half as much for a
// small look-up; see wheel. It is asked once, after Begin; false says that it
// waits for nearly every statement, and then a goroutine of its own is cheaper.
type Leaver interface {
	Leaves(leave func()) bool
}

// Promiser is a Leaver that can decide about rows before they are written down.
// Promise is Release, but where it returns later, rows leave only when kept was
// called with nil, once and from any goroutine; until then others have the turn.
// Called with an error, kept ends the session: what followed the rows can no
// longer be taken back. It may be called after End: a session that ends does
// not wait for it without end.
type Promiser interface {
	Promise(ctx context.Context, r *Result, keys *Keys, kept func(error)) (allowed int, later bool, err error)
}

// Decision is what a session says of one text.
type Decision struct {
	// Text is sent in place of what came; "" sends what came.
	Text string
	// Results has one entry per statement of the text, in order, also for
	// statements that return no rows (an empty entry). A Parse has one. Rows
	// of a statement beyond the last entry are refused unless Pass is set.
	Results []Result
	// Pass says that nothing of it is metered, which is the fastest.
	Pass bool
	// Tag is the session's own.
	Tag any
}

// Result is what a session says of the rows of one statement.
type Result struct {
	Metered    bool
	KeyColumns []int    // output columns that hold a voter's key; indexes count hidden columns too
	KeyTypes   []uint32 // their type OIDs; needed for binary COPY, and for binary rows that are never described
	Hidden     int      // so many last columns were added by the session: they never leave
	Masks      []Mask
	Copy       CopyFormat // how COPY … TO STDOUT writes its rows
	Creates    *Created   // what the statement leaves behind under a name
	Tag        any        // the session's own
}

// Created is a prepared statement or cursor that SQL makes (PREPARE, DECLARE).
// Protocol messages can use it by its name: names are shared by both.
type Created struct {
	Name     string
	Cursor   bool // DECLARE: a portal; else PREPARE: a statement
	Hold     bool // WITH HOLD: the portal outlives its transaction
	Decision Decision
}

// MaskKind is what a mask does with a value; NULL stays NULL.
type MaskKind int

const (
	MaskNull MaskKind = iota // NULL
	MaskText                 // the mask's text, where the column is text; else NULL
	MaskYear                 // the year of a date or timestamp: 1 January of it
)

// Mask hides the values of one output column. COPY of a masked result is
// refused: its rows have no type.
type Mask struct {
	Column int
	Kind   MaskKind
	Text   string
}

// CopyFormat is how COPY TO STDOUT writes text; the zero value is PostgreSQL's
// own default. Binary is recognised by itself.
type CopyFormat struct {
	CSV       bool
	Header    bool
	Delimiter byte // 0: tab, or comma in CSV
	Quote     byte // 0: "
	Escape    byte // 0: as Quote
	Null      string
	NullSet   bool // Null was given; else \N, or nothing in CSV
}

// Parameters are the values of a Bind.
type Parameters struct {
	formats []int16
	values  [][]byte
}

// Len says how many there are.
func (p Parameters) Len() int { return len(p.values) }

// Value is the i-th value as it came, nil for NULL; binary says its format.
// It is valid during the call only.
func (p Parameters) Value(i int) (value []byte, binary bool) {
	switch len(p.formats) {
	case 0:
	case 1:
		binary = p.formats[0] == 1
	default:
		binary = p.formats[i] == 1
	}
	return p.values[i], binary
}

// Pass is the decision that lets a text go as it came, unmetered.
func Pass() Decision { return Decision{Pass: true} }
