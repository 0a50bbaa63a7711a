package authn

import (
	"context"
	"fmt"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/arc"
	"portcullis.example/portcullis/internal/mail/authn/dkim"
	"portcullis.example/portcullis/internal/mail/authn/dmarc"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
	"portcullis.example/portcullis/internal/mail/authn/spf"
)

// maxAuthors of a message are looked at; RFC 5322 sets no limit. A message with
// more gets no pass and no alignment, or one could hide an author behind others.
const maxAuthors = 8

// evaluation is the state of one Evaluate.
type evaluation struct {
	Results
	in      Input
	r       Resolver
	m       *dkim.Message
	authors []string        // A-labels, lower case
	dmarc   []dmarc.Outcome // one per author; nil without a resolver
}

// Evaluate gathers what can be known. r may be nil: nothing is then looked up.
func Evaluate(ctx context.Context, in Input, r Resolver) Results {
	e := evaluation{in: in, r: r, m: dkim.Split(in.Raw)}
	for _, d := range in.FromDomains[:min(len(in.FromDomains), maxAuthors)] {
		e.authors = append(e.authors, text(lookup.ASCII(d)))
	}
	e.evaluateSPF(ctx)
	signatures := dkim.Verify(ctx, e.m, r, in.Received)
	e.evaluateDMARC(ctx, signatures)
	e.reportDKIM(ctx, signatures)
	if e.SPF.Domain != "" {
		e.SPF.Aligned = e.aligned(ctx, e.SPF.Domain)
	}
	if in.Rebuilt {
		e.bodyLost()
	}
	e.settle()
	e.evaluateARC(ctx)
	return e.Results
}

func (e *evaluation) unknown(format string, args ...any) {
	e.Unknown = append(e.Unknown, fmt.Sprintf(format, args...))
}

// bodyLost takes back what only a body can say that is not there any more.
func (e *evaluation) bodyLost() {
	const why = "the mailbox kept the text and not the bytes that were signed"
	for i := range e.DKIM {
		d := &e.DKIM[i]
		if d.BodyHash == BodyMatch || d.BodyHash == BodyPrefix {
			continue
		}
		d.BodyHash = BodyUnknown
		if d.Result == Fail {
			d.Result, d.Reason = Unknown, why
			e.unknown("DKIM of %s: %s", d.Domain, why)
		}
	}
}

// evaluateSPF asks for the policy of the envelope sender, or of HELO where
// that is empty (RFC 7208 §2.4).
func (e *evaluation) evaluateSPF(ctx context.Context) {
	e.SPF = SPFResult{Result: Unknown}
	identity := "mailfrom"
	sender := e.in.MailFrom
	if sender == "" {
		identity, sender = "helo", e.in.Helo
	}
	if sender == "" {
		e.SPF.Reason = "neither envelope sender nor HELO is known"
		e.unknown("SPF: %s", e.SPF.Reason)
		return
	}
	e.SPF.Identity, e.SPF.Domain = identity, text(lookup.ASCII(domainOf(sender)))
	switch {
	case e.r == nil:
		e.SPF.Reason = "the DNS was not asked"
	case !e.in.ClientIP.IsValid():
		e.SPF.Reason = "the client's address is not known"
	default:
		out := spf.Check(ctx, e.r, spf.Request{IP: e.in.ClientIP, Helo: e.in.Helo, MailFrom: e.in.MailFrom, Time: e.in.Received})
		e.SPF.Result, e.SPF.Reason = Result(out.Result), text(out.Reason)
		e.SPF.Mechanism, e.SPF.Explanation = text(out.Mechanism), text(out.Explanation)
	}
	if e.SPF.Result == Unknown {
		e.unknown("SPF of %s: %s", e.SPF.Domain, e.SPF.Reason)
	}
}

// evaluateDMARC asks for the policy of each author and keeps the worst result:
// a message that claims several authors is only as good as the least of them.
func (e *evaluation) evaluateDMARC(ctx context.Context, signatures []dkim.Verification) {
	e.DMARC = DMARCResult{Result: Unknown, Reason: "the DNS was not asked"}
	switch from := e.countFrom(); {
	case len(e.authors) == 0:
		e.DMARC = DMARCResult{Result: PermError, Reason: "the message has no author's domain"}
		return
	case len(e.in.FromDomains) > maxAuthors, e.m.Truncated:
		e.DMARC = DMARCResult{Result: PermError, Domain: e.authors[0], Reason: "the message has more authors or header fields than are looked at"}
		return
	case from > 1: // RFC 9989 §4.4: there is no alignment with a repeated From
		e.DMARC = DMARCResult{Result: PermError, Domain: e.authors[0], Reason: fmt.Sprintf("the message has %d From fields", from)}
		return
	case e.r == nil:
		e.DMARC.Domain = e.authors[0]
		return
	}
	var viaSPF, viaDKIM []string
	if e.SPF.Result == Pass {
		viaSPF = append(viaSPF, e.SPF.Domain)
	}
	for i := range signatures {
		if signatures[i].Status == dkim.Pass {
			viaDKIM = append(viaDKIM, signatures[i].Domain)
		}
	}
	for _, author := range e.authors {
		e.dmarc = append(e.dmarc, dmarc.Evaluate(ctx, e.r, author, viaSPF, viaDKIM))
	}
	worst := &e.dmarc[0]
	for i := range e.dmarc {
		if badness(e.dmarc[i].Result) > badness(worst.Result) {
			worst = &e.dmarc[i]
		}
	}
	e.DMARC = dmarcResult(worst)
}

func (e *evaluation) countFrom() (n int) {
	for i := range e.m.Fields {
		if e.m.Fields[i].Is("From") {
			n++
		}
	}
	return n
}

// badness orders results of several authors.
func badness(r dmarc.Result) int {
	switch r {
	case dmarc.Fail:
		return 5
	case dmarc.PermError:
		return 4
	case dmarc.TempError:
		return 3
	case dmarc.Unknown:
		return 2
	case dmarc.None:
		return 1
	default:
		return 0
	}
}

func dmarcResult(o *dmarc.Outcome) DMARCResult {
	return DMARCResult{
		Result: Result(o.Result), Domain: o.Domain, OrgDomain: o.OrgDomain, PolicyDomain: o.PolicyDomain,
		Policy: o.Policy, Testing: o.Record != nil && o.Record.Testing,
		SPFAligned: o.SPF, DKIMAligned: o.DKIM, Reason: text(o.Reason),
	}
}

// settle takes a fail of DMARC back where an aligned identifier might have
// passed, had it been known: only what is certain is stated.
func (e *evaluation) settle() {
	if e.DMARC.Result == Fail {
		open := unsettled(e.SPF.Result) && e.SPF.Aligned != AlignedNo
		for i := range e.DKIM {
			d := &e.DKIM[i]
			open = open || unsettled(d.Result) && d.Aligned != AlignedNo
		}
		if open {
			e.DMARC.Result, e.DMARC.Reason = Unknown, "an aligned identifier could not be checked"
		}
	}
	if e.DMARC.Result == Unknown {
		e.unknown("DMARC of %s: %s", e.DMARC.Domain, e.DMARC.Reason)
	}
}

func unsettled(r Result) bool { return r == Unknown || r == TempError }

func (e *evaluation) evaluateARC(ctx context.Context) {
	out := arc.Validate(ctx, e.m, e.r)
	e.ARC = ARCResult{
		Result: Result(out.Status), Sets: out.Sets,
		OldestPass: out.OldestPass, Reason: text(out.Reason),
	}
	for _, d := range out.Sealers {
		e.ARC.Sealers = append(e.ARC.Sealers, text(d))
	}
	if out.Sets > 0 {
		e.ARC.BodyHash = bodyHash(out.Body)
	}
	if e.in.Rebuilt && e.ARC.Result == Fail && e.ARC.BodyHash == BodyMismatch {
		e.ARC.Result, e.ARC.BodyHash, e.ARC.Reason = Unknown, BodyUnknown, "the mailbox kept the text and not the bytes that were signed"
	}
	if e.ARC.Result == Unknown {
		e.unknown("ARC: %s", e.ARC.Reason)
	}
}

// aligned says how a domain is aligned with the authors, the least close counting.
func (e *evaluation) aligned(ctx context.Context, domain string) Alignment {
	least := AlignedStrict
	for i, author := range e.authors {
		switch a := e.alignedWith(ctx, i, author, domain); {
		case a == AlignedNo:
			return AlignedNo
		case a == AlignedRelaxed:
			least = AlignedRelaxed
		}
	}
	if len(e.authors) == 0 || len(e.in.FromDomains) > maxAuthors {
		return AlignedNo
	}
	return least
}

func (e *evaluation) alignedWith(ctx context.Context, i int, author, domain string) Alignment {
	if domain == author {
		return AlignedStrict
	}
	if i < len(e.dmarc) && e.dmarc[i].Record != nil {
		switch a, err := e.dmarc[i].Alignment(ctx, domain); {
		case err == nil && a == dmarc.NotAligned:
			return AlignedNo
		case err == nil:
			return AlignedRelaxed
		}
	}
	if registered(domain) == registered(author) {
		return AlignedRelaxed
	}
	return AlignedNo
}

// maxText bounds what a sender can put into a result.
const maxText = 512

// text makes what a sender wrote fit to be stored: bounded, and valid UTF-8, so
// that a result read back is the result that was written.
func text(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "\ufffd")
}

// domainOf is what stands behind the last @, or all of it.
func domainOf(address string) string {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return address
}
