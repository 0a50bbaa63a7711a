package register

import (
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
)

// setting is what a session has set that the guard goes by. A transaction can take all of it back.
type setting struct{ path, role, application, purpose, person string }

// said is a session's settings as PostgreSQL has them: what SET LOCAL says ends with the transaction, and what was said
// in a transaction or behind a savepoint is void once that is rolled back.
type said struct {
	now     setting
	lasting setting // what holds once the transaction is committed
	settled setting // what held before it
	points  []point // savepoints, the newest last
}

type point struct {
	name         string
	now, lasting setting
}

// step is what a statement does to them.
type step struct {
	sets []lineage.Setting
	verb string // of a transaction: COMMIT, ROLLBACK, SAVEPOINT, RELEASE, TO (roll back to a savepoint)
	name string // of the savepoint
}

func (t *step) idle() bool { return len(t.sets) == 0 && t.verb == "" }

func saidAtFirst(s setting) said { return said{now: s, lasting: s, settled: s} }

// do follows a step; first is what the session began with.
func (a *said) do(t *step, first *setting) {
	for i := range t.sets {
		a.now.set(&t.sets[i], first)
		if !t.sets[i].Local {
			a.lasting.set(&t.sets[i], first)
		}
	}
	switch t.verb {
	case "COMMIT":
		a.end(false)
	case "ROLLBACK":
		a.end(true)
	case "SAVEPOINT":
		a.points = append(a.points[:len(a.points):len(a.points)], point{t.name, a.now, a.lasting})
	case "RELEASE", "TO":
		a.back(t)
	}
}

// back goes back to a savepoint, or forgets it.
func (a *said) back(t *step) {
	i := len(a.points) - 1
	for i >= 0 && a.points[i].name != t.name {
		i--
	}
	switch {
	case i < 0:
	case t.verb == "RELEASE":
		a.points = a.points[:i]
	default:
		a.now, a.lasting, a.points = a.points[i].now, a.points[i].lasting, a.points[:i+1]
	}
}

// end is that of the transaction.
func (a *said) end(failed bool) {
	if failed {
		a.lasting = a.settled
	}
	a.now, a.settled, a.points = a.lasting, a.lasting, nil
}

// set sets one, or sets it back to what the session began with.
func (v *setting) set(s *lineage.Setting, first *setting) {
	name := strings.ToLower(s.Name)
	if s.Reset && name == "all" { // but for the role, as in PostgreSQL
		role := v.role
		*v = *first
		v.role = role
		return
	}
	to, back := v.named(name), first.named(name)
	switch {
	case to == nil:
	case s.Reset, to == &v.role && (strings.EqualFold(s.Value, "none") || strings.EqualFold(s.Value, "default")):
		*to = *back
	default:
		*to = s.Value
	}
}

func (v *setting) named(name string) *string {
	switch name {
	case "search_path":
		return &v.path
	case "role", "session_authorization":
		return &v.role
	case "application_name":
		return &v.application
	case "portcullis.purpose":
		return &v.purpose
	case "portcullis.person":
		return &v.person
	}
	return nil
}

// stepOf finds what a statement does to the settings.
func stepOf(p *lineage.Plan) step {
	t := step{sets: p.Sets}
	switch p.Statement {
	case "DISCARD":
		if words := wordsOf(p.Text); len(words) > 1 && strings.EqualFold(words[1], "ALL") {
			t.sets = []lineage.Setting{{Name: "all", Reset: true}, {Name: "role", Reset: true}}
		}
	case "TRANSACTION":
		t.verb, t.name = transaction(wordsOf(p.Text))
	}
	return t
}

// transaction reads a statement about transactions that PostgreSQL's grammar has accepted.
func transaction(words []string) (verb, name string) {
	if len(words) == 0 {
		return "", ""
	}
	last := unquote(words[len(words)-1])
	is := func(w string) bool {
		return slices.ContainsFunc(words, func(o string) bool { return strings.EqualFold(o, w) })
	}
	switch verb := strings.ToUpper(words[0]); verb {
	case "SAVEPOINT", "RELEASE":
		return verb, last
	case "ROLLBACK", "ABORT":
		switch {
		case is("PREPARED"):
			return "", ""
		case is("TO"):
			return "TO", last
		}
		return "ROLLBACK", ""
	case "COMMIT", "END":
		if is("PREPARED") {
			return "", ""
		}
		return "COMMIT", ""
	case "PREPARE": // TRANSACTION: the session goes on as after a commit
		return "COMMIT", ""
	}
	return "", ""
}

// maxSavepoint is how long a name PostgreSQL keeps whole (NAMEDATALEN - 1).
const maxSavepoint = 63

// followable tells that a statement about transactions names its savepoint so that the guard reads the name as PostgreSQL does:
// not cut off, without escapes, and in letters that every encoding has. Otherwise somebody could go back to another
// savepoint than the guard believes, and to another search_path.
func followable(p *lineage.Plan) bool {
	if p.Statement != "TRANSACTION" {
		return true
	}
	for i := range len(p.Text) {
		if p.Text[i] >= 0x80 {
			return false
		}
	}
	_, name := transaction(wordsOf(p.Text))
	return len(name) <= maxSavepoint && !strings.Contains(strings.ToUpper(p.Text), `U&"`)
}

// unquote is a name as PostgreSQL has it.
func unquote(name string) string {
	if n := len(name); n >= 2 && name[0] == '"' && name[n-1] == '"' {
		return strings.ReplaceAll(name[1:n-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

// wordsOf are the words of a short statement; names in quotes stay whole, comments are left out.
func wordsOf(text string) (words []string) {
	for i := 0; i < len(text); {
		end := i + 1
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "--"):
			for end < len(text) && text[end] != '\n' {
				end++
			}
		case strings.HasPrefix(text[i:], "/*"):
			end = commentEnd(text, i)
		case c == '"':
			for end < len(text) && (text[end] != '"' || end+1 < len(text) && text[end+1] == '"') {
				if text[end] == '"' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			words = append(words, text[i:end])
		case isLetter(c) || c >= 0x80:
			for end < len(text) && (isLetter(text[end]) || isDigit(text[end]) || text[end] == '$' || text[end] >= 0x80) {
				end++
			}
			words = append(words, text[i:end])
		}
		i = end
	}
	return words
}

// commentEnd finds the end of a comment; they nest.
func commentEnd(text string, i int) int {
	depth := 0
	for i < len(text) {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(text[i:], "*/"):
			depth--
			i++
		}
		if i++; depth == 0 {
			break
		}
	}
	return min(i, len(text))
}

// does has the session's settings follow a statement that is sent, before PostgreSQL has run it: those that come after it
// are judged by what they will find.
func (s *session) does(t *step) {
	if t.idle() {
		return
	}
	s.said.do(t, &s.began)
	s.moved = true
	s.pending++
	for i := range t.sets {
		name := strings.ToLower(t.sets[i].Name)
		s.lost = s.lost && name != "all" && name != "portcullis.person" && name != "portcullis.purpose"
	}
	s.follow()
}

// did has them follow a statement that PostgreSQL has run.
func (s *session) did(t *step, tag string) {
	if t.idle() {
		return
	}
	if t.verb == "COMMIT" && tag == "ROLLBACK" { // the transaction had failed
		t = &step{verb: "ROLLBACK"}
	}
	s.done.do(t, &s.began)
	s.moved = true
	s.pending--
	if t.verb != "" && t.verb != "SAVEPOINT" && t.verb != "RELEASE" {
		s.failed = false
	}
}

// answered is PostgreSQL's word on how things stand. What was not completed when an error came has not happened.
func (s *session) answered(status byte) {
	failed := s.erred || s.stopped
	if !s.moved && !failed && !s.failed && status != 'E' {
		return // nearly always
	}
	if status == 'I' {
		if s.stopped && s.done.now != s.done.settled {
			s.lost = true // PostgreSQL may have been done when it was to stop
		}
		s.done.end(failed || s.failed)
	}
	if failed || s.pending <= 0 {
		s.said, s.pending = s.done, 0
		s.moved = status != 'I'
		s.follow()
	}
	s.failed, s.erred, s.stopped = status == 'E', false, false
}

// follow takes over what is said now.
func (s *session) follow() {
	now := s.said.now
	if now == s.followed {
		return
	}
	s.followed, s.meansOf = now, nil
	s.claim(func(c *meter.Claims) {
		c.Application, c.SetPurpose, c.SetWho = now.application, now.purpose, now.person
	})
}

// errLost says that what the session had set of itself cannot be told.
var errLost = &meter.Unknown{Why: "it cannot be told whether the person and purpose that were set still hold, for the statements sent with them were stopped", Ask: "SET portcullis.person or portcullis.purpose again"}
