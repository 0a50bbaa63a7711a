// Package dmarc evaluates Domain-based Message Authentication, Reporting, and
// Conformance by RFC 9989: whether the domain a reader sees in From is one that
// SPF or DKIM authenticated, and what its owner wants done if not.
//
// The organisational domain comes from the tree walk (§4.10), not from a list
// of public suffixes. Errors of the DNS end in TempError, a missing answer in
// Unknown; neither is ever taken for the absence of a policy.
package dmarc

import (
	"context"
	"errors"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// Result is a word of RFC 8601 for DMARC, or Unknown.
type Result string

// The results.
const (
	None      Result = "none" // no policy applies
	Pass      Result = "pass"
	Fail      Result = "fail"
	TempError Result = "temperror"
	PermError Result = "permerror" // the author's domain is not one
	Unknown   Result = "unknown"
)

// Alignment of an authenticated domain with the author's (§4.4).
type Alignment uint8

// The alignments.
const (
	NotAligned Alignment = iota
	Relaxed
	Strict
)

// maxIdentifiers of a message are checked for alignment: each may cost a walk.
const maxIdentifiers = 16

// Outcome is the result for one author domain.
type Outcome struct {
	Result       Result
	Domain       string // the author's
	OrgDomain    string // of the author's domain
	PolicyDomain string // where the record stands
	Record       *Record
	Policy       string // that applies to this author domain, t=y not applied
	SPF, DKIM    bool   // passed and aligned as the record demands
	Reason       string

	walker *walker
}

// Evaluate applies DMARC (§5.3). spf are the domains whose MAIL FROM passed SPF,
// dkim the d= of signatures that passed.
func Evaluate(ctx context.Context, r lookup.Resolver, author string, spf, dkim []string) Outcome {
	out := Outcome{Domain: lookup.Canonical(author)}
	if out.Domain == "" || len(out.Domain) > 253 || strings.Contains(out.Domain, "..") || out.Domain[0] == '.' {
		out.Result, out.Reason = PermError, "the author's domain is not a domain name"
		return out
	}
	w := &walker{resolver: r, asked: map[string]answer{}}
	nodes, err := w.walk(ctx, out.Domain)
	if err != nil {
		return out.fail(err)
	}
	out.walker = w
	out.OrgDomain = organisational(out.Domain, nodes)
	policy, ok := policyNode(out.Domain, out.OrgDomain, nodes)
	if !ok {
		out.Result, out.Reason = None, "no policy record"
		return out
	}
	out.PolicyDomain, out.Record = policy.name, policy.record
	if out.Policy, err = w.policy(ctx, policy, out.Domain); err != nil {
		return out.fail(err)
	}
	if out.Policy == "" {
		out.Result, out.Reason = None, "the record has no valid policy and asks for no reports (§4.10.1)"
		return out
	}
	return out.align(ctx, spf, dkim)
}

// fail ends with an error of the DNS.
func (out Outcome) fail(err error) Outcome {
	out.Result, out.Reason = TempError, err.Error()
	if errors.Is(err, lookup.ErrUnknown) {
		out.Result = Unknown
	}
	return out
}

// policyNode finds the record that applies: the author domain's, its
// organisational domain's, its public suffix's (§4.10.1).
func policyNode(author, org string, nodes []node) (node, bool) {
	for _, name := range [...]string{author, org} {
		for _, n := range nodes {
			if n.name == name {
				return n, true
			}
		}
	}
	if n := len(nodes); n > 0 && nodes[n-1].record.PSD == 'y' {
		return nodes[n-1], true
	}
	return node{}, false
}

// policy selects p, sp or np (§4.10.1). An empty one means that DMARC does not apply.
func (w *walker) policy(ctx context.Context, n node, author string) (string, error) {
	rec := n.record
	if rec.Policy == "" || rec.hasBadRequested {
		if rec.Reports {
			return PolicyNone, nil
		}
		return "", nil
	}
	if n.name == author {
		return rec.Policy, nil
	}
	if rec.NonExistent != "" && rec.NonExistent != firstOf(rec.Subdomains, rec.Policy) {
		exists, err := w.exists(ctx, author)
		if err != nil {
			return "", err
		}
		if !exists {
			return rec.NonExistent, nil
		}
	}
	return firstOf(rec.Subdomains, rec.Policy), nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// exists tells whether a domain exists: any answer but NXDOMAIN, an empty one
// too, says it does (§3.2.13, Appendix A.4).
func (w *walker) exists(ctx context.Context, domain string) (bool, error) {
	_, err := w.resolver.LookupMX(ctx, domain)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, lookup.ErrNoName):
		return false, nil
	case errors.Is(err, lookup.ErrNotFound):
		return true, nil
	default:
		return false, err
	}
}

// align compares the authenticated domains with the author's (§4.10.2, §5.3.5).
func (out Outcome) align(ctx context.Context, spf, dkim []string) Outcome {
	var err error
	if out.SPF, err = out.anyAligned(ctx, spf, out.Record.StrictSPF); err != nil {
		return out.fail(err)
	}
	if out.DKIM, err = out.anyAligned(ctx, dkim, out.Record.StrictDKIM); err != nil {
		return out.fail(err)
	}
	out.Result = Pass
	if !out.SPF && !out.DKIM {
		out.Result, out.Reason = Fail, "no authenticated domain is aligned with "+out.Domain
	}
	return out
}

func (out *Outcome) anyAligned(ctx context.Context, identifiers []string, strict bool) (bool, error) {
	var firstErr error
	for _, id := range identifiers[:min(len(identifiers), maxIdentifiers)] {
		if strict && lookup.Canonical(id) != out.Domain {
			continue
		}
		a, err := out.Alignment(ctx, id)
		if a != NotAligned {
			return true, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return false, firstErr
}

// Alignment says how a domain, authenticated or not, is aligned with the
// author's. Where they are not the same, a walk finds its organisational domain,
// unless it is not even below the author's: then it cannot be aligned.
func (out *Outcome) Alignment(ctx context.Context, id string) (Alignment, error) {
	id = lookup.Canonical(id)
	switch {
	case id == out.Domain:
		return Strict, nil
	case out.walker == nil || !Within(id, out.OrgDomain):
		return NotAligned, nil
	}
	nodes, err := out.walker.walk(ctx, id)
	if err != nil {
		return NotAligned, err
	}
	if organisational(id, nodes) == out.OrgDomain {
		return Relaxed, nil
	}
	return NotAligned, nil
}

// Within tells whether a canonical name is domain or below it.
func Within(name, domain string) bool {
	n := len(name) - len(domain)
	return n >= 0 && name[n:] == domain && (n == 0 || name[n-1] == '.')
}
