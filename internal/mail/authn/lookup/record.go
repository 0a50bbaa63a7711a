package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Answer is one recorded answer. Values are in presentation form: addresses and
// names as usual, MX as "10 mx.example.com", TXT with every byte outside
// printable ASCII, and the backslash, as \DDD (RFC 1035 §5.1), because a record
// may hold any bytes and JSON may not.
type Answer struct {
	Type   string   `json:"type"` // "TXT", "A", "AAAA", "MX", "PTR"
	Name   string   `json:"name"` // canonical; for PTR the address
	Values []string `json:"values,omitempty"`
	Error  string   `json:"error,omitempty"` // "no-name", "not-found" or "temporary"
}

// Words of Answer.Error.
const (
	noName    = "no-name"
	notFound  = "not-found"
	temporary = "temporary"
)

type question struct{ rtype, name string }

// recorded answers from a record and knows nothing else.
type recorded map[question]Answer

// Recorded returns a resolver that gives the answers on record, and ErrUnknown
// for every question that is not among them. Of two answers to one question
// the first counts.
func Recorded(answers []Answer) Resolver {
	m := make(recorded, len(answers))
	for _, a := range answers {
		q := question{a.Type, Canonical(a.Name)}
		if _, ok := m[q]; !ok {
			m[q] = a
		}
	}
	return m
}

func (m recorded) ask(rtype, name string) ([]string, error) {
	a, ok := m[question{rtype, Canonical(name)}]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrUnknown)
	case a.Error == noName:
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrNoName)
	case a.Error == notFound || a.Error == "" && len(a.Values) == 0:
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrNotFound)
	case a.Error != "":
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrTemporary)
	}
	return a.Values, nil
}

func (m recorded) LookupTXT(_ context.Context, name string) ([]string, error) {
	values, err := m.ask("TXT", name)
	return mapped(values, unescape), err
}

func (m recorded) LookupA(_ context.Context, name string) ([]netip.Addr, error) {
	values, err := m.ask("A", name)
	return addrs(values), err
}

func (m recorded) LookupAAAA(_ context.Context, name string) ([]netip.Addr, error) {
	values, err := m.ask("AAAA", name)
	return addrs(values), err
}

func (m recorded) LookupMX(_ context.Context, name string) ([]MX, error) {
	values, err := m.ask("MX", name)
	return mapped(values, parseMX), err
}

func (m recorded) LookupAddr(_ context.Context, addr netip.Addr) ([]string, error) {
	values, err := m.ask("PTR", addr.Unmap().String())
	return slices.Clone(values), err
}

// Recorder passes questions on to another resolver and keeps every answer. It
// asks each question once. It is safe for several goroutines.
type Recorder struct {
	next Resolver

	mu   sync.Mutex // guards seen
	seen recorded
}

// NewRecorder returns a recorder in front of next; without one it knows nothing.
func NewRecorder(next Resolver) *Recorder {
	if next == nil {
		next = Recorded(nil)
	}
	return &Recorder{next: next, seen: make(recorded)}
}

// Answers returns everything asked so far, in an order that depends on the
// questions only.
func (r *Recorder) Answers() []Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	answers := make([]Answer, 0, len(r.seen))
	for _, a := range r.seen {
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b Answer) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Type, b.Type))
	})
	return answers
}

// ask returns the recorded answer, or has fetch get one and records it. What
// the resolver behind did not know is not recorded: nobody was asked. Neither is
// an error of a scan that was broken off: it says nothing about the DNS.
func (r *Recorder) ask(ctx context.Context, rtype, name string, fetch func() ([]string, error)) ([]string, error) {
	name = Canonical(name)
	r.mu.Lock()
	_, known := r.seen[question{rtype, name}]
	r.mu.Unlock()
	if !known {
		values, err := fetch()
		a := Answer{Type: rtype, Name: name, Values: values}
		switch {
		case err == nil:
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, fmt.Errorf("%s %s: %w: %w", rtype, name, ErrUnknown, ctx.Err())
		case errors.Is(err, ErrNoName):
			a.Values, a.Error = nil, noName
		case errors.Is(err, ErrNotFound):
			a.Values, a.Error = nil, notFound
		case errors.Is(err, ErrUnknown):
			return nil, err
		default:
			a.Values, a.Error = nil, temporary
		}
		r.mu.Lock()
		r.seen[question{rtype, name}] = a
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.ask(rtype, name)
}

// LookupTXT implements Resolver.
func (r *Recorder) LookupTXT(ctx context.Context, name string) ([]string, error) {
	values, err := r.ask(ctx, "TXT", name, func() ([]string, error) {
		v, err := r.next.LookupTXT(ctx, name)
		return mapped(v, escape), err
	})
	return mapped(values, unescape), err
}

// LookupA implements Resolver.
func (r *Recorder) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	values, err := r.ask(ctx, "A", name, func() ([]string, error) {
		v, err := r.next.LookupA(ctx, name)
		return mapped(v, netip.Addr.String), err
	})
	return addrs(values), err
}

// LookupAAAA implements Resolver.
func (r *Recorder) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	values, err := r.ask(ctx, "AAAA", name, func() ([]string, error) {
		v, err := r.next.LookupAAAA(ctx, name)
		return mapped(v, netip.Addr.String), err
	})
	return addrs(values), err
}

// LookupMX implements Resolver.
func (r *Recorder) LookupMX(ctx context.Context, name string) ([]MX, error) {
	values, err := r.ask(ctx, "MX", name, func() ([]string, error) {
		v, err := r.next.LookupMX(ctx, name)
		return mapped(v, formatMX), err
	})
	return mapped(values, parseMX), err
}

// LookupAddr implements Resolver.
func (r *Recorder) LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	values, err := r.ask(ctx, "PTR", addr.Unmap().String(), func() ([]string, error) {
		return r.next.LookupAddr(ctx, addr)
	})
	return slices.Clone(values), err
}

func mapped[A, B any](in []A, f func(A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func addrs(values []string) []netip.Addr {
	var out []netip.Addr
	for _, v := range values {
		if a, err := netip.ParseAddr(v); err == nil {
			out = append(out, a)
		}
	}
	return out
}

func formatMX(m MX) string { return strconv.Itoa(int(m.Preference)) + " " + m.Host }

func parseMX(s string) MX {
	pref, host, _ := strings.Cut(s, " ")
	n, _ := strconv.ParseUint(pref, 10, 16)
	return MX{Preference: uint16(n), Host: host}
}

// escape writes bytes that JSON cannot carry as \DDD.
func escape(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] <= '~' && s[i] != '\\'
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= ' ' && c <= '~' && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03d`, c)
		}
	}
	return b.String()
}

// unescape undoes escape; what is no escape stands for itself.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
