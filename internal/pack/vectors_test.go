package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"

	"portcullis.example/portcullis/internal/testenv"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// vectorKey signs the vectors. It is published, so it signs nothing else.
const vectorKey = "PRIVATE+KEY+vectors.example+"

// vector is everything that another implementation can compare step by step.
type vector struct {
	About    string        `json:"about"`
	Pack     string        `json:"pack"` // file beside this one
	Verifier string        `json:"verifier"`
	Salt     string        `json:"salt"`
	Inputs   []vectorInput `json:"inputs"`
	Values   []vectorValue `json:"values"`
}

type vectorInput struct {
	Kind   string `json:"kind"`
	Value  string `json:"value"`
	Hashed string `json:"hashed"` // the bytes that argon2id is given, hexadecimal
	Secret string `json:"secret"`
	Tag    string `json:"tag"`
	Key    string `json:"entry_key"`
	Slot   *int   `json:"filter_slot,omitempty"`
	Passes *bool  `json:"filter_passes,omitempty"`
	InPack bool   `json:"in_pack"`
	From   string `json:"from,omitempty"`
	Until  string `json:"until,omitempty"`
	Text   string `json:"text,omitempty"`
}

// vectorValue says what has to be tested for a value that was seen.
type vectorValue struct {
	Type   string   `json:"type"`
	Value  string   `json:"value"`
	Sealed bool     `json:"sealed,omitempty"`
	Inputs []string `json:"inputs"`
}

var vectorSeen = []Value{
	{Observable: seen("domain:a.b.tracker-q7x.example")}, {Observable: seen("domain:example.co.uk")}, {Observable: seen("domain:localhost")},
	{Observable: seen("url:https://pages-w8.test/a/b?c=/d")}, {Observable: seen("url:http://files-k2.test:8080/x"), Sealed: false},
	{Observable: seen("url:https://pages-w8.test/a/~aaaaaaaaaaaaaaaaaaaaaaaaaa"), Sealed: true}, {Observable: seen("url:mailto:a@sender-q.test")},
	{Observable: seen("email:a@mailer-z4.test")}, {Observable: seen("email:~aaaaaaaaaaaaaaaaaaaaaaaaaa@mailer-z4.test"), Sealed: true},
	{Observable: seen("ip:198.51.100.9")}, {Observable: seen("ip:2001:db8:1:2::3")}, {Observable: seen("cidr:198.51.100.0/24")},
	{Observable: seen("hash:00ff")}, {Observable: seen("subject:interview request")}, {Observable: seen("subject:~x"), Sealed: true},
	{Observable: seen("message-id:A@sender-q.test")}, {Observable: seen("filename:Annex.PDF")},
}

func seen(text string) portcullis.Observable {
	kind, value, _ := strings.Cut(text, ":")
	return portcullis.Observable{Type: portcullis.ObservableType(kind), Value: value}
}

// vectorPacks are two: the default form, and one with everything.
var vectorPacks = []struct {
	name, about string
	opts        Options
	items       []Item
}{
	{"plain", "no filter, no padding, one text, the default parameters", Options{Params: DefaultParams()}, []Item{
		{Indicator: portcullis.Indicator{Pattern: seen("domain:tracker-q7x.example")}, Text: "Opening the mail told them when you read it – and where."},
	}},
	{"full", "every kind, filter, padding, two texts, an indicator with times, cheap parameters", Options{Params: Params{Memory: 64, Time: 2, Lanes: 1}, FilterBits: 2, Pad: 16}, []Item{
		{Indicator: portcullis.Indicator{Pattern: seen("domain:tracker-q7x.example"), From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)}, Text: "First text."},
		{Indicator: portcullis.Indicator{Pattern: seen("url:https://files-k2.test/a/invitation.html")}, Text: "Second text."},
		{Indicator: portcullis.Indicator{Pattern: seen("url:https://pages-w8.test/a/*")}, Text: strings.Repeat("Long. ", 60)},
		{Indicator: portcullis.Indicator{Pattern: seen("email:press.office.k3@sender-q.test")}},
		{Indicator: portcullis.Indicator{Pattern: seen("email:@mailer-z4.test")}},
		{Indicator: portcullis.Indicator{Pattern: seen("ip:203.0.113.77")}},
		{Indicator: portcullis.Indicator{Pattern: seen("cidr:198.51.100.0/24")}},
		{Indicator: portcullis.Indicator{Pattern: seen("cidr:2001:db8:1::/48")}},
		{Indicator: portcullis.Indicator{Pattern: seen("hash:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")}},
		{Indicator: portcullis.Indicator{Pattern: seen("subject:interview request: sanctions – und die anhörung")}},
		{Indicator: portcullis.Indicator{Pattern: seen("message-id:20260302.kq81x@sender-q.test")}},
		{Indicator: portcullis.Indicator{Pattern: seen("filename:Annex of the Draft.pdf")}},
	}},
}

func vectorSigner(t *testing.T) (note.Signer, note.Verifier) {
	t.Helper()
	secret, verifier, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "vectors.example")
	if err != nil || !strings.HasPrefix(secret, vectorKey) {
		t.Fatalf("key: %v", err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors.pub"))
	if *update {
		err = os.WriteFile(filepath.Join("testdata", "vectors.pub"), []byte(verifier+"\n"), 0o600)
	} else if strings.TrimSpace(string(raw)) != verifier {
		t.Fatalf("testdata/vectors.pub is not %s", verifier)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer, v
}

// TestVectors makes the packs with a fixed source of randomness and compares them with the files, byte for
// byte, and every step on the way.
func TestVectors(t *testing.T) {
	signer, verifier := vectorSigner(t)
	for _, c := range vectorPacks {
		t.Run(c.name, func(t *testing.T) {
			opts := c.opts
			opts.Signer, opts.Issuer, opts.For, opts.TLP, opts.Fast, opts.rate = signer, "Example CERT", "Test vectors", "TLP:AMBER", true, 1000
			opts.Created, opts.Until = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
			opts.Rand = mathrand.NewChaCha8(sha256.Sum256([]byte(c.name)))
			made, err := Make(opts, c.items)
			if err != nil || len(made.Refused) > 0 {
				t.Fatalf("%v, refused %v", err, made.Refused)
			}
			golden(t, c.name+".pack", made.Bytes)
			p, err := Read(bytes.NewReader(made.Bytes), note.VerifierList(verifier), opts.Created)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.MarshalIndent(describe(t, c.name, c.about, p, c.items), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".json", append(raw, '\n'))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, -update writes it anew and the format has another version:\n%s", path, got)
	}
}

func describe(t *testing.T, name, about string, p *Pack, list []Item) vector {
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors.pub"))
	if err != nil {
		t.Fatal(err)
	}
	v := vector{About: about, Pack: name + ".pack", Verifier: strings.TrimSpace(string(raw)), Salt: hex.EncodeToString(p.Salt)}
	for _, i := range list {
		in, err := inputOf(i.Pattern)
		if err != nil {
			t.Fatal(err)
		}
		v.Inputs = append(v.Inputs, describeInput(t, p, in, i))
	}
	absent := Input{KindDomain, "not-in-the-pack.example"}
	v.Inputs = append(v.Inputs, describeInput(t, p, absent, Item{}))
	for _, s := range vectorSeen {
		one := vectorValue{Type: string(s.Type), Value: s.Value, Sealed: s.Sealed, Inputs: []string{}}
		p.coverage.inputs(s, func(in Input) { one.Inputs = append(one.Inputs, string(in.Kind)+" "+in.Value) })
		v.Values = append(v.Values, one)
	}
	return v
}

func describeInput(t *testing.T, p *Pack, in Input, i Item) vectorInput {
	s := p.Params.derive(p.Salt, in)
	sum := s.tag()
	one := vectorInput{Kind: string(in.Kind), Value: in.Value, Hashed: hex.EncodeToString(in.bytes()), Secret: hex.EncodeToString(s[:]),
		Tag: hex.EncodeToString(sum[:]), Key: hex.EncodeToString(s.expand(labelEntry, 32))}
	if p.Slots > 0 {
		slot := p.filter.slot(p.Salt, in)
		passes := p.filter.has(slot)
		one.Slot, one.Passes = &slot, &passes
	}
	tested := tested{in: in}
	p.test(&tested)
	one.InPack = tested.match != nil
	if one.InPack != (i.Pattern.Value != "") {
		t.Errorf("%s: in the pack: %v", in.Value, one.InPack)
	}
	if tested.match == nil {
		return one
	}
	one.Text = tested.match.Text
	if one.Text != i.Text || !tested.match.From.Equal(i.From) || !tested.match.Until.Equal(i.Until) {
		t.Errorf("%s: opened %+v", in.Value, tested.match)
	}
	if !i.From.IsZero() {
		one.From, one.Until = i.From.Format(time.RFC3339), i.Until.Format(time.RFC3339)
	}
	return one
}

// TestVectorsElsewhere checks the vectors with a reader in another language that was written from
// docs/PACK.md and shares no library with this one. It needs Python with argon2 and cryptography.
func TestVectorsElsewhere(t *testing.T) {
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import argon2, cryptography").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		if testenv.CI() {
			t.Fatal("CI needs Python with argon2 and cryptography")
		}
		t.Skip("no Python with argon2 and cryptography (Debian: python3-argon2, python3-cryptography)")
	}
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "check.py"), "testdata").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestPatternsComeBack demands that an indicator that was sealed comes out as what archive and hunts know.
func TestPatternsComeBack(t *testing.T) {
	for _, c := range vectorPacks {
		for _, i := range c.items {
			in, err := inputOf(i.Pattern)
			if err != nil {
				t.Fatal(err)
			}
			want := i.Pattern
			if want.Type == portcullis.TypeFileName {
				want.Value = strings.ToLower(want.Value)
			}
			if got := in.Pattern(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s came back as %s", want, got)
			}
		}
	}
	for _, url := range []string{"mailto:a@sender-q.test", "ftp://files-k2.test/x", "https://files-k2.test:8443/x", "https://[2001:db8::1]:80/x", "https://[2001:db8::1]/", "data:text/plain,x", "tel:123"} {
		in, err := inputOf(portcullis.Observable{Type: portcullis.TypeURL, Value: url})
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Pattern().Value; got != url {
			t.Errorf("%s came back as %s", url, got)
		}
	}
}

func ExampleInput() {
	in, _ := inputOf(seen("url:http://files-k2.test/a"))
	fmt.Printf("%q\n", in.bytes())
	// Output: "portcullis-pack v1\nurl\n//files-k2.test/a"
}
