// Package spf evaluates the Sender Policy Framework, RFC 7208: whether a host
// may send mail in the name of a domain.
//
// It is strict where the RFC is: a syntax error anywhere in a record is a
// permanent error, ten terms that ask the DNS and two void lookups are all a
// sender gets. It differs from the RFC in one point only: a question that is
// not on the resolver's record gives Unknown instead of an error.
package spf

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// Limits of RFC 7208 §4.6.4.
const (
	maxTerms   = 10 // mechanisms and modifiers that ask the DNS
	maxVoid    = 2
	maxNames   = 10 // MX and PTR names looked at
	maxElapsed = 20 * time.Second
)

// Result is a word of RFC 7208 §2.6, or Unknown.
type Result string

// The results.
const (
	None      Result = "none"
	Neutral   Result = "neutral"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	TempError Result = "temperror"
	PermError Result = "permerror"
	Unknown   Result = "unknown"
)

// Request is one SMTP client and what it said.
type Request struct {
	IP       netip.Addr
	Helo     string
	MailFrom string    // empty: the identity is postmaster@Helo (§2.4)
	Receiver string    // for %{r}; empty: "unknown"
	Time     time.Time // for %{t}
}

// Outcome is the result of a check.
type Outcome struct {
	Result      Result
	Domain      string // whose policy was asked
	Mechanism   string // the directive that matched, as written, or "default"
	Explanation string // the sender's words on a fail; untrusted
	Reason      string // what was wrong, on an error
}

// check is the state of one check_host() and all it includes (§4).
type check struct {
	resolver      lookup.Resolver
	ip            netip.Addr
	helo, local   string
	domain        string // of the sender: %{o}
	receiver      string
	time          time.Time
	terms, void   int
	names         []string // validated names of ip; nil: not looked up yet
	namesLookedUp bool
}

// failure ends a check with an error result.
type failure struct {
	result Result
	reason string
}

func (f *failure) Error() string { return string(f.result) + ": " + f.reason }

func permError(reason string) error { return &failure{PermError, reason} }

// dnsFailure turns an error of the resolver other than ErrNotFound into an end.
func dnsFailure(err error) error {
	if errors.Is(err, lookup.ErrUnknown) {
		return &failure{Unknown, err.Error()}
	}
	return &failure{TempError, err.Error()}
}

// Check runs check_host() for the MAIL FROM identity, or HELO where that is empty.
func Check(ctx context.Context, r lookup.Resolver, req Request) Outcome {
	ctx, cancel := context.WithTimeout(ctx, maxElapsed)
	defer cancel()
	c := &check{resolver: r, ip: req.IP.Unmap().WithZone(""), helo: req.Helo, receiver: req.Receiver, time: req.Time}
	if c.receiver == "" {
		c.receiver = "unknown"
	}
	sender := req.MailFrom
	if sender == "" {
		sender = "postmaster@" + req.Helo
	}
	i := strings.LastIndexByte(sender, '@')
	c.local, c.domain = sender[:max(i, 0)], asciiOnly(sender[i+1:])
	if c.local == "" {
		c.local = "postmaster" // §4.3
	}
	out := Outcome{Domain: c.domain}
	if !c.ip.IsValid() {
		out.Result, out.Reason = Unknown, "the client's address is not known"
		return out
	}
	if !queryable(c.domain) || strings.HasPrefix(c.domain, "[") {
		out.Result, out.Reason = None, "the domain is not a fully qualified name"
		return out
	}
	return c.run(ctx, out)
}

// run evaluates the sender's policy and fetches the explanation of a fail.
func (c *check) run(ctx context.Context, out Outcome) Outcome {
	v, err := c.host(ctx, c.domain)
	var f *failure
	switch {
	case errors.As(err, &f):
		out.Result, out.Reason = f.result, f.reason
	case err != nil:
		out.Result, out.Reason = PermError, err.Error()
	default:
		out.Result, out.Mechanism = v.result, v.mechanism
		if v.result == Fail && v.exp != "" {
			out.Explanation = c.explain(ctx, v)
		}
	}
	return out
}

// verdict is the result of one record, with what is needed to explain it.
type verdict struct {
	result    Result
	mechanism string
	exp       string // domain-spec of the record that decided
	domain    string // of that record
}

// host is check_host() for a domain with an unchanged sender (§4.1).
func (c *check) host(ctx context.Context, domain string) (verdict, error) {
	txts, err := c.resolver.LookupTXT(ctx, domain)
	if err != nil && !errors.Is(err, lookup.ErrNotFound) {
		return verdict{}, dnsFailure(err)
	}
	var record string
	n := 0
	for _, txt := range txts {
		if IsRecord(txt) {
			record = txt
			n++
		}
	}
	switch n {
	case 0:
		return verdict{result: None}, nil
	case 1:
	default:
		return verdict{}, permError(domain + " has more than one SPF record (§4.5)")
	}
	rec, err := Parse(record)
	if err != nil {
		return verdict{}, permError(domain + ": " + err.Error())
	}
	return c.evaluate(ctx, rec, domain)
}

func (c *check) evaluate(ctx context.Context, rec *Record, domain string) (verdict, error) {
	for i := range rec.Directives {
		d := &rec.Directives[i]
		match, err := c.matches(ctx, d, domain)
		if err != nil {
			return verdict{}, err
		}
		if match {
			return verdict{qualified(d.Qualifier), d.Text, rec.Exp, domain}, nil
		}
	}
	if rec.Redirect == "" {
		return verdict{result: Neutral, mechanism: "default"}, nil // §4.7
	}
	target, err := c.target(ctx, rec.Redirect, domain, true)
	if err != nil {
		return verdict{}, err
	}
	if !queryable(target) {
		return verdict{}, permError("redirect to an impossible name (§6.1)")
	}
	v, err := c.host(ctx, target)
	if err == nil && v.result == None {
		err = permError("redirect to " + target + ", which has no SPF record (§6.1)")
	}
	return v, err
}

// asciiOnly converts a name with other letters to A-labels (§4.3) and leaves the
// case of every other as it is, since macros show it.
func asciiOnly(domain string) string {
	if strings.ContainsFunc(domain, func(r rune) bool { return r >= 0x80 }) {
		return lookup.ASCII(domain)
	}
	return strings.TrimSuffix(domain, ".")
}

func qualified(q byte) Result {
	switch q {
	case '-':
		return Fail
	case '~':
		return SoftFail
	case '?':
		return Neutral
	default:
		return Pass
	}
}

// target expands a domain-spec; counted says that the term asks the DNS.
func (c *check) target(ctx context.Context, spec, domain string, counted bool) (string, error) {
	if counted {
		if c.terms++; c.terms > maxTerms {
			return "", permError("more than 10 terms ask the DNS (§4.6.4)")
		}
	}
	if spec == "" {
		return domain, nil
	}
	name, err := c.expand(ctx, spec, domain)
	name = strings.TrimSuffix(name, ".")
	for len(name) > 253 { // §7.3: drop labels from the left
		i := strings.IndexByte(name, '.')
		if i < 0 {
			break
		}
		name = name[i+1:]
	}
	return name, err
}

// explain fetches and expands the explanation (§6.2). Whatever goes wrong, there is none.
func (c *check) explain(ctx context.Context, v verdict) string {
	name, err := c.target(ctx, v.exp, v.domain, false)
	if err != nil || !queryable(name) {
		return ""
	}
	txts, err := c.resolver.LookupTXT(ctx, name)
	if err != nil || len(txts) != 1 || checkMacros(txts[0], true) != nil {
		return ""
	}
	if strings.ContainsFunc(txts[0], func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	text, err := c.expand(ctx, txts[0], v.domain)
	if err != nil {
		return ""
	}
	return text
}

// queryable tells whether a name can be asked for: at least two labels of 1 to
// 63 bytes, 253 in all. A name that cannot is treated as one that does not exist (§4.3, §4.8).
func queryable(name string) bool {
	if len(name) > 253 || strings.IndexByte(name, '.') < 0 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// contains tells whether the client is in the network of an address. Bits
// applies to the family of the client.
func (c *check) contains(addrs []netip.Addr, d *Directive) bool {
	bits := d.Bits6
	if c.ip.Is4() {
		bits = d.Bits4
	}
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		return a.Is4() == c.ip.Is4() && netip.PrefixFrom(a, bits).Contains(c.ip)
	})
}
