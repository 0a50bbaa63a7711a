// Package arc validates and seals Authenticated Received Chains, RFC 8617: what
// each intermediary found when it received a message, signed by it, so that a
// later receiver who trusts the intermediary can know how the message
// authenticated before a mailing list changed it.
//
// A chain that passes says who handled the message. It says nothing about
// whether they can be believed.
package arc

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/dkim"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// MaxSets is the length at which a chain fails (RFC 8617 §4.2.1).
const MaxSets = 50

// Names of the fields, in the order in which a set is sealed (§5.1.1).
const (
	fieldResults = "ARC-Authentication-Results"
	fieldMessage = "ARC-Message-Signature"
	fieldSeal    = "ARC-Seal"
)

// Status is the chain validation status (§4.4), or Unknown.
type Status string

// The states of a chain.
const (
	None    Status = "none"
	Pass    Status = "pass"
	Fail    Status = "fail"
	Unknown Status = "unknown" // well formed, but a key is not at hand
)

// Result is what validating a chain came to.
type Result struct {
	Status     Status
	Sets       int
	Sealers    []string // d= of the seals, oldest first
	OldestPass int      // lowest instance from which on all message signatures verify; 0: all, or not asked (§5.2)
	Body       dkim.BodyState
	Reason     string
}

// set is one ARC set (§4.2).
type set struct {
	results, message, seal *dkim.Field
	sealTags               dkim.Tags
	signature              *dkim.Signature
}

// Validate validates the chain of a message (§5.2). r may be nil: the chain is
// then judged by its structure and the newest body hash, Unknown at best.
func Validate(ctx context.Context, m *dkim.Message, r lookup.Resolver) Result {
	sets, res := collect(m)
	if res.Status != "" {
		return res
	}
	if reason := structure(sets); reason != "" {
		res.Status, res.Reason = Fail, reason
	} else {
		res.signatures(ctx, m, sets, r)
	}
	for i := range sets {
		if d, ok := sets[i].sealTags.Get("d"); ok {
			res.Sealers = append(res.Sealers, strings.ToLower(d))
		}
	}
	return res
}

// collect gathers the sets by instance (§5.2 step 1). It ends the validation by
// a status where there is no chain or where it is not one.
func collect(m *dkim.Message) ([]set, Result) {
	var sets []set
	var broken string
	for i := range m.Fields {
		f := &m.Fields[i]
		if len(f.Name) < len(fieldSeal) || f.Name[0]|0x20 != 'a' || f.Name[3] != '-' {
			continue
		}
		slot, err := place(&sets, f)
		switch {
		case err != nil:
			broken = err.Error()
		case slot == nil:
		case *slot != nil:
			broken = fmt.Sprintf("two %s fields of one instance", f.Name)
		default:
			*slot = f
		}
	}
	res := Result{Sets: len(sets)}
	switch {
	case broken != "":
		res.Status, res.Reason = Fail, broken
	case len(sets) == 0:
		res.Status = None
	case m.Truncated:
		res.Status, res.Reason = Fail, "too many header fields"
	}
	return sets, res
}

// place returns where in its set a field belongs; nil if it is not an ARC field.
func place(sets *[]set, f *dkim.Field) (**dkim.Field, error) {
	name := ""
	for _, n := range [...]string{fieldResults, fieldMessage, fieldSeal} {
		if f.Is(n) {
			name = n
		}
	}
	if name == "" {
		return nil, nil
	}
	i, err := instance(f, name == fieldResults)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for len(*sets) < i {
		*sets = append(*sets, set{})
	}
	s := &(*sets)[i-1]
	switch name {
	case fieldResults:
		return &s.results, nil
	case fieldMessage:
		return &s.message, nil
	default:
		return &s.seal, nil
	}
}

// instance reads i=, which in ARC-Authentication-Results stands first (§4.1.1).
func instance(f *dkim.Field, first bool) (int, error) {
	var text string
	if first {
		head, _, ok := strings.Cut(string(f.Value), ";")
		name, value, isTag := strings.Cut(head, "=")
		if !ok || !isTag || strings.TrimSpace(name) != "i" {
			return 0, fmt.Errorf("does not begin with i=")
		}
		text = strings.TrimSpace(value)
	} else {
		tags, err := dkim.ParseTags(string(f.Value))
		if err != nil {
			return 0, err
		}
		text, _ = tags.Get("i")
	}
	i, err := strconv.ParseUint(text, 10, 16)
	if err != nil || i < 1 || i > MaxSets {
		return 0, fmt.Errorf("i=%.20q: want 1 to %d", text, MaxSets)
	}
	return int(i), nil
}

// structure checks that the sets are complete, continuous and say what sets in
// their place must say (§5.2 steps 2 and 3).
func structure(sets []set) string {
	for i := range sets {
		s := &sets[i]
		if s.results == nil || s.message == nil || s.seal == nil {
			return fmt.Sprintf("set %d is not complete", i+1)
		}
		var e *dkim.Error
		if s.sealTags, e = dkim.ParseSeal(s.seal); e != nil {
			return fmt.Sprintf("seal %d: %s", i+1, e.Reason)
		}
		want := "pass"
		if i == 0 {
			want = "none"
		}
		if cv, _ := s.sealTags.Get("cv"); cv != want {
			return fmt.Sprintf("seal %d says cv=%.20q, not %s", i+1, cv, want)
		}
		if s.signature, e = messageSignature(s.message); e != nil {
			return fmt.Sprintf("message signature %d: %s", i+1, e.Reason)
		}
	}
	return ""
}

// messageSignature reads an ARC-Message-Signature. It has the semantics of a
// DKIM-Signature, so it must cover From (RFC 6376 §6.1.1); seals it must not (§4.1.2).
func messageSignature(f *dkim.Field) (*dkim.Signature, *dkim.Error) {
	s, e := dkim.ParseSignature(f)
	switch {
	case e != nil:
	case s.Covers("arc-seal") > 0:
		e = &dkim.Error{Status: dkim.PermError, Reason: "h= must not name ARC-Seal"}
	case s.Covers("from") == 0:
		e = &dkim.Error{Status: dkim.PermError, Reason: "h= does not name From"}
	}
	return s, e
}

// signatures checks the newest message signature, finds the oldest that still
// holds, and checks every seal (§5.2 steps 4 to 6).
func (res *Result) signatures(ctx context.Context, m *dkim.Message, sets []set, r lookup.Resolver) {
	n := len(sets)
	for i := range sets {
		sets[i].signature.Announce(m)
	}
	res.Body = sets[n-1].signature.Body(m)
	if e := verifyMessage(ctx, m, &sets[n-1], r); e != nil {
		res.fault(fmt.Sprintf("message signature %d", n), e)
	}
	if res.Status == Fail {
		return
	}
	for i := n - 2; i >= 0 && res.Status == ""; i-- {
		if verifyMessage(ctx, m, &sets[i], r) != nil {
			res.OldestPass = i + 2
			break
		}
	}
	for i := n - 1; i >= 0 && res.Status != Fail; i-- {
		e := dkim.VerifySeal(ctx, sealed(sets[:i+1]), sets[i].seal, sets[i].sealTags, r)
		if e != nil {
			res.fault(fmt.Sprintf("seal %d", i+1), e)
		}
	}
	if res.Status == "" {
		res.Status = Pass
	}
}

// fault records why a chain does not pass. A missing answer leaves it unknown,
// which a definite failure overrides.
func (res *Result) fault(where string, e *dkim.Error) {
	if e.Status == dkim.Unknown || e.Status == dkim.TempError {
		if res.Status == "" {
			res.Status, res.Reason = Unknown, where+": "+e.Reason
		}
		return
	}
	res.Status, res.Reason = Fail, where+": "+e.Reason
}

func verifyMessage(ctx context.Context, m *dkim.Message, s *set, r lookup.Resolver) *dkim.Error {
	if s.signature.Body(m) != dkim.BodyMatch {
		return &dkim.Error{Status: dkim.Fail, Reason: "the body is not what was signed"}
	}
	_, e := s.signature.Verify(ctx, m, r)
	return e
}

// sealed lists the fields that the newest seal of sets covers, but itself (§5.1.1).
func sealed(sets []set) []*dkim.Field {
	fields := make([]*dkim.Field, 0, 3*len(sets))
	for i := range sets {
		fields = append(fields, sets[i].results, sets[i].message, sets[i].seal)
	}
	return fields[:len(fields)-1]
}
