package pack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/pack"
)

var (
	created = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	until   = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	during  = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
)

// cheap are parameters for tests that are not about the price.
var cheap = pack.Params{Memory: 64, Time: 1, Lanes: 1}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

type keyPair struct {
	note.Signer
	known    note.Verifiers
	verifier string
}

func newKey(t testing.TB, name string) keyPair {
	t.Helper()
	secret, verifier, err := pack.MakeKey(name)
	must(t, err)
	signer, err := note.NewSigner(secret)
	must(t, err)
	v, err := pack.ReadVerifier(verifier)
	must(t, err)
	return keyPair{signer, note.VerifierList(v), verifier}
}

func options(k keyPair) pack.Options {
	return pack.Options{Signer: k, Issuer: "Example CERT", For: "Invitations that carried trackers", TLP: "TLP:AMBER",
		Created: created, Until: until, Params: cheap, Fast: true}
}

func observed(text string) portcullis.Observable {
	kind, value, _ := strings.Cut(text, ":")
	return portcullis.Observable{Type: portcullis.ObservableType(kind), Value: value}
}

func items(list ...string) (out []pack.Item) {
	for _, text := range list {
		text, words, _ := strings.Cut(text, " = ")
		out = append(out, pack.Item{Indicator: portcullis.Indicator{Pattern: observed(text)}, Text: words})
	}
	return out
}

func makePack(t testing.TB, opts pack.Options, list ...string) *pack.Made {
	t.Helper()
	made, err := pack.Make(opts, items(list...))
	must(t, err)
	if len(made.Refused) > 0 {
		t.Fatalf("refused: %v", made.Refused)
	}
	return made
}

func read(t testing.TB, raw []byte, known note.Verifiers) *pack.Pack {
	t.Helper()
	p, err := pack.Read(bytes.NewReader(raw), known, during)
	must(t, err)
	return p
}

// oneOfEach is an indicator of every kind.
var oneOfEach = []string{
	"domain:tracker-q7x.example = Opening the mail told them when and where you read it.",
	"url:https://files-k2.test/a/invitation.html",
	"url:https://pages-w8.test/campaign/*",
	"email:press.office.k3@sender-q.test",
	"email:@mailer-z4.test",
	"ip:203.0.113.77",
	"cidr:198.51.100.0/24",
	"hash:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"subject:interview request: sanctions and the committee",
	"message-id:20260302.kq81x@sender-q.test",
	"filename:Annex of the Draft Statement.pdf",
}

func TestMatches(t *testing.T) {
	key := newKey(t, "cert.example")
	for _, filter := range []int{0, 1, 4} {
		opts := options(key)
		opts.FilterBits = filter
		p := read(t, makePack(t, opts, oneOfEach...).Bytes, key.known)
		tester := pack.NewTester(p, 2)
		for _, c := range []struct{ seen, want string }{
			{"domain:tracker-q7x.example", "domain:tracker-q7x.example"},
			{"domain:px.eu.tracker-q7x.example", "domain:tracker-q7x.example"},
			{"domain:q7x.example", ""},
			{"domain:tracker-q7x.example.org", ""},
			{"domain:atracker-q7x.example", ""},
			{"url:http://files-k2.test/a/invitation.html", "url:https://files-k2.test/a/invitation.html"},
			{"url:https://files-k2.test/a/", ""},
			{"url:https://pages-w8.test/campaign/x/y?z=1", "url:https://pages-w8.test/campaign/*"},
			{"url:https://pages-w8.test/campaign", ""},
			{"email:press.office.k3@sender-q.test", "email:press.office.k3@sender-q.test"},
			{"email:anybody@mailer-z4.test", "email:@mailer-z4.test"},
			{"email:anybody@sub.mailer-z4.test", ""},
			{"ip:203.0.113.77", "ip:203.0.113.77"},
			{"ip:203.0.113.78", ""},
			{"ip:198.51.100.9", "cidr:198.51.100.0/24"},
			{"ip:2001:db8::1", ""},
			{"hash:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hash:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			{"subject:interview request: sanctions and the committee", "subject:interview request: sanctions and the committee"},
			{"message-id:20260302.kq81x@sender-q.test", "message-id:20260302.kq81x@sender-q.test"},
			{"filename:annex OF the draft statement.pdf", "filename:annex of the draft statement.pdf"},
		} {
			for range 2 { // the second answer comes from memory
				got, err := tester.Test(t.Context(), observed(c.seen))
				must(t, err)
				have := ""
				for _, m := range got {
					have += m.Pattern.String()
				}
				equal(t, fmt.Sprintf("filter %d: %s", filter, c.seen), have, c.want)
			}
		}
		got, err := tester.Test(t.Context(), observed("domain:a.tracker-q7x.example"))
		must(t, err)
		equal(t, "text", got[0].Text, "Opening the mail told them when and where you read it.")
	}
}

func TestHeaderIsClear(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	made := makePack(t, opts, oneOfEach...)
	p := read(t, made.Bytes, key.known)
	equal(t, "issuer", p.Issuer, "Example CERT")
	equal(t, "for", p.For, opts.For)
	equal(t, "count", p.Count, len(oneOfEach))
	equal(t, "networks", p.Networks, []string{"4/24"})
	equal(t, "signed", p.Signed, []string{p.Key})
	for _, hidden := range []string{"tracker-q7x", "198.51.100", "Opening", "committee"} {
		if bytes.Contains(made.Bytes, []byte(hidden)) {
			t.Errorf("%q stands in the pack", hidden)
		}
	}
	h, digest, err := pack.Describe(bytes.NewReader(made.Bytes))
	must(t, err)
	equal(t, "described", h, p.Header)
	equal(t, "digest", digest, p.Digest)
}

func TestValidityOfOneIndicator(t *testing.T) {
	key := newKey(t, "cert.example")
	list := items("domain:tracker-q7x.example")
	list[0].From, list[0].Until = created.AddDate(-1, 0, 0), until.AddDate(0, 0, -3)
	made, err := pack.Make(options(key), list)
	must(t, err)
	got, err := pack.NewTester(read(t, made.Bytes, key.known), 1).Test(t.Context(), list[0].Pattern)
	must(t, err)
	equal(t, "from", got[0].From, list[0].From)
	equal(t, "until", got[0].Until, list[0].Until)
}

func TestPaddingHidesTheCount(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.Pad, opts.FilterBits = 50, 2
	made := makePack(t, opts, "domain:tracker-q7x.example")
	p := read(t, made.Bytes, key.known)
	if p.Count != 50 || !p.Padded || p.FilterBits > 2.0005 {
		t.Errorf("count %d, padded %v, the filter tells %.3f bits", p.Count, p.Padded, p.FilterBits)
	}
}

func TestFilterTellsNoMoreThanItSays(t *testing.T) {
	key := newKey(t, "cert.example")
	for bits := 1; bits <= 8; bits++ {
		for _, n := range []int{1, 2, 3, 17, 200} {
			opts := options(key)
			opts.FilterBits = bits
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf("domain:d%d-kq.example", i))
			}
			p := read(t, makePack(t, opts, list...).Bytes, key.known)
			if p.FilterBits > float64(bits)+0.0005 || p.FilterBits <= 0 {
				t.Errorf("%d indicators, %d bits asked for: tells %.3f", n, bits, p.FilterBits)
			}
		}
	}
}

func TestRefusedWhenMade(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.Allow = []string{"parliament.example"}
	opts.Lists = listOf{"domain:mail-provider.test": "mailbox providers", "url:https://mail-provider.test/": "mailbox providers", "domain:storage.test": "shared storage"}
	for text, want := range map[string]string{
		"domain:com":                            "top-level",
		"domain:co.uk":                          "public suffix",
		"domain:github.io":                      "public suffix",
		"domain:":                               "empty",
		"ip:127.0.0.1":                          "no address of the Internet",
		"ip:10.1.2.3":                           "no address of the Internet",
		"cidr:0.0.0.0/0":                        "wider than",
		"cidr:203.0.0.0/8":                      "wider than",
		"cidr:2000::/3":                         "wider than",
		"url:https://com/*":                     "top-level",
		"url:https://mail-provider.test/*":      "mailbox providers",
		"url:https://storage.test/*":            "shared storage",
		"domain:mail-provider.test":             "mailbox providers",
		"email:@mail-provider.test":             "mailbox providers",
		"domain:parliament.example":             "--allow",
		"domain:www.parliament.example":         "--allow",
		"email:member@parliament.example":       "--allow",
		"url:https://parliament.example/x":      "--allow",
		"subject:hello":                         "fewer than",
		"filename:image001.png":                 "mail programs",
		"hash:d41d8cd98f00b204e9800998ecf8427e": "empty file",
		"url:https://a-q.test/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/*": "slashes",
		"telephone:1": "cannot be sealed",
	} {
		made, err := pack.Make(opts, items(text, "domain:tracker-q7x.example"))
		must(t, err)
		if len(made.Refused) != 1 || !strings.Contains(made.Refused[0].Why, want) {
			t.Errorf("%s: refused %v; want %q", text, made.Refused, want)
		}
	}
	for _, fine := range []string{"url:mailto:campaign-q7x@mailer-z4.test", "url:https://203.0.113.9/x/y", "url:https://storage.test/f/q7x/*", "subject:\xff\xfe not UTF-8 at all", "filename:\xff"} {
		made, err := pack.Make(opts, items(fine))
		must(t, err)
		if len(made.Refused) > 0 {
			t.Errorf("refused %v", made.Refused)
		}
	}
	strict := items("domain:tracker-q7x.example", "domain:other-q7x.example")
	strict[0].Marking = "TLP:RED"
	strict[1].Until = created.AddDate(0, 0, -1)
	_, err := pack.Make(opts, strict)
	if err == nil || !strings.Contains(err.Error(), "none of the 2") {
		t.Errorf("a stricter marking and an expired one: %v", err)
	}
}

type listOf map[string]string

func (l listOf) Match(o portcullis.Observable) string { return l[o.String()] }

func TestGuessableIsFlagged(t *testing.T) {
	key := newKey(t, "cert.example")
	made := makePack(t, options(key), "domain:secure-login.com", "domain:ab3.com", "domain:xkqzwvbyhjtr.com", "cidr:198.51.100.0/24", "ip:203.0.113.77")
	var flagged []string
	for _, g := range made.Guessable {
		flagged = append(flagged, g.Indicator.Pattern.Value)
	}
	for _, want := range []string{"secure-login.com", "ab3.com", "198.51.100.0/24"} {
		if !slices.Contains(flagged, want) {
			t.Errorf("%s is not flagged: %v", want, flagged)
		}
	}
	classes := map[string]float64{}
	for _, c := range made.Classes {
		classes[c.What] = c.Guesses
	}
	if classes["registered domains"] < 1e8 || classes["IPv4 addresses"] < 1e9 {
		t.Errorf("classes: %v", made.Classes)
	}
}

func TestTooFastIsRefused(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.Fast = false
	if _, err := pack.Make(opts, items("domain:tracker-q7x.example")); err == nil || !strings.Contains(err.Error(), "--memory") {
		t.Errorf("a pack that is guessed fast: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	key := newKey(t, "cert.example")
	for want, change := range map[string]func(*pack.Options){
		"needs a key":    func(o *pack.Options) { o.Signer = nil },
		"for: it is":     func(o *pack.Options) { o.For = " " },
		"U+202E":         func(o *pack.Options) { o.For = "\u202etxt" },
		"U+000A":         func(o *pack.Options) { o.For = "a\nb" },
		"tlp:":           func(o *pack.Options) { o.TLP = "amber" },
		"is over":        func(o *pack.Options) { o.Until = o.Created },
		"five years":     func(o *pack.Options) { o.Until = o.Created.AddDate(20, 0, 0) },
		"memory of":      func(o *pack.Options) { o.Params.Memory = 1 << 30 },
		"filter of 9":    func(o *pack.Options) { o.FilterBits = 9 },
		"allow: ":        func(o *pack.Options) { o.Allow = []string{"a b"} },
		"at most 100000": func(o *pack.Options) { o.Pad = 1 << 20 },
	} {
		opts := options(key)
		change(&opts)
		if _, err := pack.Make(opts, items("domain:tracker-q7x.example")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestReadSaysWhy demands a distinct error for each thing that can be wrong.
// TestTampering turns one bit in every region of the file, and demands that none is taken.
func TestRunResumes(t *testing.T) {
	key := newKey(t, "cert.example")
	p := read(t, makePack(t, options(key), "domain:tracker-q7x.example = words").Bytes, key.known)
	values := func(yield func(pack.Value, error) bool) {
		for i := range 3000 {
			if !yield(pack.Value{Observable: observed(fmt.Sprintf("domain:h%d.site%d.example", i, i%700))}, nil) {
				return
			}
		}
		yield(pack.Value{Observable: observed("domain:a.tracker-q7x.example")}, nil)
	}
	var marks []pack.Mark
	stop := errors.New("power cut")
	first := pack.NewTester(p, 2)
	todo, err := first.Todo(values)
	must(t, err)
	equal(t, "to do", todo, int64(3000+700+2))
	err = first.Run(t.Context(), values, func(b pack.Batch) error {
		if len(marks) > 0 {
			return stop
		}
		marks = append(marks, b.Marks...)
		return nil
	})
	if !errors.Is(err, stop) || len(marks) == 0 {
		t.Fatalf("%d marks, %v", len(marks), err)
	}
	second := pack.NewTester(p, 2)
	second.Remember(marks, nil)
	hashed, matched := 0, 0
	must(t, second.Run(t.Context(), values, func(b pack.Batch) error {
		hashed, matched = hashed+b.Hashed, matched+len(b.Matches)
		return nil
	}))
	equal(t, "hashed after the power cut", hashed, 3702-len(marks))
	equal(t, "matched", matched, 1)
	must(t, second.Run(t.Context(), values, func(b pack.Batch) error { return errors.New("something was tested twice") }))
}

func TestRunEnds(t *testing.T) {
	key := newKey(t, "cert.example")
	p := read(t, makePack(t, options(key), "domain:tracker-q7x.example").Bytes, key.known)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pack.NewTester(p, 2).Test(ctx, observed("domain:a.example")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSealedValues(t *testing.T) {
	key := newKey(t, "cert.example")
	p := read(t, makePack(t, options(key), oneOfEach...).Bytes, key.known)
	n, err := pack.NewTester(p, 1).Todo(func(yield func(pack.Value, error) bool) {
		for _, o := range []string{"subject:~x", "message-id:~x", "email:~x@mailer-z4.test", "url:https://pages-w8.test/campaign/~x"} {
			if !yield(pack.Value{Observable: observed(o), Sealed: true}, nil) {
				return
			}
		}
	})
	must(t, err)
	equal(t, "what is left in clear", n, int64(1+2)) // the address's domain; host/ and host/campaign/
}

func TestWorkersAreBounded(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.Params = pack.Params{Memory: 64 << 10, Time: 1, Lanes: 1}
	p := read(t, makePack(t, opts, "domain:tracker-q7x.example").Bytes, key.known)
	equal(t, "workers", pack.NewTester(p, 64).Workers(), 2)
}

func TestReceipt(t *testing.T) {
	r := pack.Receipt{Digest: "00ff", Count: 3, Made: during, House: "Example House"}
	if text := r.Text(); !strings.Contains(text, "people: 3\nnoise: none\n") {
		t.Error(text)
	}
	r.Epsilon = 0.5
	if text := r.Text(); !strings.Contains(text, "noise: geometric, epsilon 0.5") {
		t.Error(text)
	}
	r.Withheld = true
	if text := r.Text(); strings.Contains(text, "3") {
		t.Error(text)
	}
	key := newKey(t, "house.example")
	signed, err := pack.SignReceipt(r.Text(), key)
	must(t, err)
	_, err = note.Open(signed, key.known)
	must(t, err)
}

// TestNoiseIsGeometric compares the shares of draws with what the distribution says.
func TestNoiseIsGeometric(t *testing.T) {
	random := mathrand.NewChaCha8([32]byte{1})
	const draws, base = 40_000, 1000
	counts := map[int]int{}
	for range draws {
		n, err := pack.Noised(base, 1, random)
		must(t, err)
		counts[n-base]++
	}
	for k := -2; k <= 2; k++ {
		share, want := float64(counts[k])/draws, 0.4621*[]float64{1, 0.3679, 0.1353}[max(k, -k)] // (1-α)/(1+α)·α^|k|
		if share < want-0.01 || share > want+0.01 {
			t.Errorf("%+d: %.3f of the draws, want %.3f", k, share, want)
		}
	}
	for _, bad := range []float64{0, -1, 1e9} {
		if _, err := pack.Noised(1, bad, nil); err == nil {
			t.Errorf("epsilon %g was taken", bad)
		}
	}
}

func TestKeyring(t *testing.T) {
	a, b := newKey(t, "a.example"), newKey(t, "b.example")
	ring, err := pack.ReadKeyring(strings.NewReader("# partners\n" + a.verifier + "\n\n" + b.verifier + " # by telephone\n"))
	must(t, err)
	for _, k := range []keyPair{a, b} {
		if _, err := pack.AnyOf(note.VerifierList(), ring).Verifier(k.Name(), k.KeyHash()); err != nil {
			t.Error(err)
		}
	}
	secret, _, err := pack.MakeKey("c.example")
	must(t, err)
	for _, bad := range []string{secret, "c.example", "c.example+00000000+AAAA"} {
		if _, err := pack.ReadKeyring(strings.NewReader(bad)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%.20s…: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "a b", "a+b", "a\nb"} {
		if _, _, err := pack.MakeKey(bad); err == nil {
			t.Errorf("the name %q was taken", bad)
		}
	}
}
