package register

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// session judges what one client does.
type session struct {
	g   *Guard
	who wire.Start

	mu       sync.Mutex // guards all below: statements and rows may be looked at by two goroutines
	claims   meter.Claims
	subject  meter.Subject
	unknown  error // why the client is nobody; nil: it is subject
	policy   *meter.Policy
	reported map[string]string
	began    setting // what it began with
	said     said    // what holds for the next statement; path "" is the role's own
	done     said    // what PostgreSQL has completed of it
	followed setting // what claims and means were made of
	pending  int     // steps of statements that are not completed
	moved    bool    // something was said since no transaction was open
	failed   bool    // the transaction has
	erred    bool    // PostgreSQL has sent an error since it was ready last
	stopped  bool    // rows were stopped since
	lost     bool    // see errLost
	temp     []string
	prepared map[string]wire.Decision // by SQL's PREPARE
	cursors  map[string]wire.Result   // by SQL's DECLARE
	means    lineage.Settings         // what the meaning of a text depends on, as of meansOf
	meansOf  *known                   // nil: make it anew
	meansKey string                   // the same for all sessions with the same settings
	cutter   cutter
	ready    ready
	leave    func() // is called before anything that waits
	blank    bool   // the session has sent a statement whose error texts could carry values

	voters []uint64
	ends   []int
	nearly []meter.Left // to be told
}

// wire finds out at run time what a session can do: one that no longer fits would not be asked, and count nothing.
var _ interface {
	wire.Session
	wire.Binder
	wire.Noticer
	wire.Notifier
	wire.Reporter
	wire.Follower
	wire.Teller
	wire.Leaver
	wire.Promiser
} = (*session)(nil)

// Begin is wire's: who somebody is matters once they ask for something that is protected.
func (g *Guard) Begin(ctx context.Context, who wire.Start) (wire.Session, error) {
	k := g.known.Load()
	if who.Database != k.database {
		if g.meter.Policy().Enforcing() {
			return nil, &wire.Refusal{Code: codeNoDatabase, Message: "the register guard stands before the database " + k.database + " only", Hint: "Connect to " + k.database + ", or to the other database past the guard."}
		}
		return passing{}, nil
	}
	s := &session{
		g: g, who: who, leave: func() {}, reported: maps.Clone(who.Reported), began: setting{path: startPath(who.Parameters), role: who.User, application: who.Application},
		prepared: map[string]wire.Decision{}, cursors: map[string]wire.Result{},
		claims: meter.Claims{User: who.User, Certificate: who.ClientCert, Application: who.Application, Parameter: startSetting(who.Parameters, "portcullis.purpose")},
	}
	if s.reported == nil {
		s.reported = map[string]string{}
	}
	s.said, s.followed = saidAtFirst(s.began), s.began
	s.done = s.said
	return s, nil
}

// Leaves is wire's: who waits for a shared store waits for each row that is read.
func (s *session) Leaves(leave func()) bool {
	s.leave = leave
	return s.g.behind != nil || s.g.cfg.SharedFile == ""
}

// startPath is the search_path that a client begins with.
func startPath(p map[string]string) string { return startSetting(p, "search_path") }

// startSetting finds a setting among the connection parameters, and in options (-c name=value).
func startSetting(p map[string]string, name string) string {
	value := p[name]
	words := splitOptions(p["options"])
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-c" && i+1 < len(words):
			i++
			w = words[i]
		case strings.HasPrefix(w, "-c"):
			w = w[2:]
		case strings.HasPrefix(w, "--"):
			w = w[2:]
		default:
			continue
		}
		key, v, _ := strings.Cut(w, "=")
		if strings.EqualFold(strings.ReplaceAll(key, "-", "_"), name) {
			value = v
		}
	}
	return value
}

// splitOptions cuts at spaces; a backslash takes what follows as it is (libpq, "options").
func splitOptions(s string) (words []string) {
	var word []byte
	in := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			word, in = append(word, s[i]), true
		case s[i] == ' ' || s[i] == '\t':
			if in {
				words = append(words, string(word))
			}
			word, in = word[:0], false
		default:
			word, in = append(word, s[i]), true
		}
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// identity is who the client is now, under the policy in force.
func (s *session) identity() (meter.Subject, error) {
	if p := s.g.meter.Policy(); p != s.policy {
		s.policy = p
		s.subject, s.unknown = p.Identify(s.claims)
	}
	if s.lost {
		return s.subject, errLost
	}
	return s.subject, s.unknown
}

// claim changes what the client says of itself.
func (s *session) claim(change func(*meter.Claims)) {
	change(&s.claims)
	s.policy = nil
}

// settings is what the meaning of the session's texts depends on now.
func (s *session) settings(k *known) lineage.Settings {
	if s.meansOf != k {
		s.means, s.meansOf = k.settings(s.followed.path, s.followed.role, s.temp, s.reported), k
		s.meansKey = strings.Join(append([]string{s.followed.path, s.followed.role, s.reported["standard_conforming_strings"], s.reported["client_encoding"]}, s.temp...), "\x01")
	}
	return s.means
}

// Changed is wire's.
func (s *session) Changed(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported[name], s.meansOf = value, nil
	if name == "application_name" || name == "search_path" {
		for _, is := range []*setting{&s.said.now, &s.said.lasting, &s.done.now, &s.done.lasting} {
			*is.named(name) = value
		}
		s.moved = true
		s.follow()
	}
}

// Completed is wire's: names that SQL gave are forgotten when SQL takes them back.
func (s *session) Completed(r *wire.Result, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, _ := tagOf(r)
	if j != nil {
		s.did(&j.step, tag)
	}
	switch tag {
	case "DISCARD ALL":
		clear(s.prepared)
		clear(s.cursors)
	case "DEALLOCATE ALL":
		clear(s.prepared)
	case "CLOSE CURSOR ALL":
		clear(s.cursors)
	case "DEALLOCATE":
		if j != nil {
			delete(s.prepared, j.name)
		}
	case "CLOSE CURSOR":
		if j != nil {
			delete(s.cursors, j.name)
		}
	}
}

// Ready is wire's: with the transaction end its cursors, and what it set locally or failed to set.
func (s *session) Ready(status byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered(status)
	if status != 'I' || len(s.cursors) == 0 {
		return
	}
	maps.DeleteFunc(s.cursors, func(_ string, r wire.Result) bool { return r.Creates == nil || !r.Creates.Hold })
}

// Tell is wire's: who comes near the end of a budget hears of it before it ends, once each time.
func (s *session) Tell() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.nearly {
		all = append(all, fmt.Sprintf("register guard: %d of the %d voters that the budget %q allows %s %s each %s have been given out, so %d are left; SHOW portcullis.left lists all budgets",
			l.Used, l.Limit, l.Budget, l.Per, l.Who, l.Window, l.Limit-l.Used))
	}
	s.nearly = nil
	return all
}

// Notice is wire's: a message of PostgreSQL's can quote values (a failed cast, a constraint's
// detail, RAISE NOTICE). Once a session has sent a statement for which that matters, only codes leave:
// in a pipeline nobody can tell beforehand which statement a message will be about.
func (s *session) Notice(f *wire.Fields) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erred = s.erred || f.Error
	if !s.blank || !s.g.meter.Policy().Enforcing() || harmless(f.Get('C')) {
		return
	}
	if f.Error {
		f.Set('M', "the statement failed; the register guard keeps back what PostgreSQL says about it, which can quote voters' data")
	} else {
		f.Set('M', "a notice was kept back by the register guard")
	}
	f.Drop('D', 'H', 'W', 'q', 'p', 'P', 's', 't', 'c', 'd', 'n')
}

// harmless are classes of errors whose texts quote the statement, never a row: syntax and
// names (42), transaction state (25), cancellation (57), resources (53, 54), connection (08), what the guard itself says.
func harmless(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "42", "25", "57", "53", "54", "08", "40", "00":
		return code != "42P13"
	}
	return false
}

// Notification is wire's: a payload can carry values and has no voter key.
func (s *session) Notification(_ uint32, _, payload string) (string, bool) {
	if s.g.meter.Policy().Enforcing() {
		payload = ""
	}
	return payload, true
}

// Report is wire's: set_config can put a value into application_name.
func (s *session) Report(name, value string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "application_name" && s.blank && s.g.meter.Policy().Enforcing() && value != s.claims.Application {
		return "", false
	}
	return value, true
}

// End is wire's.
func (s *session) End() {}

// passing is a session of a database that is not guarded, while the policy observes.
type passing struct{}

func (passing) Statement(context.Context, string, bool) (wire.Decision, error) {
	return wire.Pass(), nil
}
func (passing) Changed(string, string) {}
func (passing) Release(_ context.Context, _ *wire.Result, keys *wire.Keys) (int, error) {
	return keys.Rows(), nil
}
func (passing) End() {}

// refusal turns any error into one for the client.
func refusal(err error) *wire.Refusal {
	var r *wire.Refusal
	if errors.As(err, &r) {
		return r
	}
	return &wire.Refusal{Code: codeInternal, Message: "the register guard could not judge this", Hint: "Nothing was disclosed. The operator's log says why."}
}
