package pack_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/pack"
)

func TestReadSaysWhy(t *testing.T) {
	key, other := newKey(t, "cert.example"), newKey(t, "cert.example")
	raw := makePack(t, options(key), oneOfEach...).Bytes
	text, _, _ := strings.Cut(string(raw), "\n\n")
	text += "\n"
	resign := func(old, new string) []byte {
		if !strings.Contains(text, old) {
			t.Fatalf("no %q to replace", old)
		}
		return sign(t, strings.Replace(text, old, new, 1), key)
	}
	read := func(raw []byte, known note.Verifiers, now time.Time) error {
		_, err := pack.Read(bytes.NewReader(raw), known, now)
		return err
	}
	var unknown *pack.UnknownKeyError
	var expired *pack.ExpiredError
	var early *pack.NotYetError
	var other2 *pack.VersionError
	var format *pack.FormatError
	for name, c := range map[string]struct {
		err    error
		target any
		is     error
	}{
		"unknown key":   {err: read(raw, other.known, during), target: &unknown},
		"no keys":       {err: read(raw, nil, during), target: &unknown},
		"expired":       {err: read(raw, key.known, until), target: &expired},
		"early":         {err: read(raw, key.known, created.AddDate(0, 0, -1)), target: &early},
		"version":       {err: read([]byte(strings.Replace(string(raw), "pack/v1", "pack/v2", 1)), key.known, during), target: &other2},
		"unsigned":      {err: read([]byte(text), key.known, during), is: pack.ErrUnsigned},
		"too large":     {err: read(append(slices.Clone(raw), make([]byte, pack.MaxSize)...), key.known, during), is: pack.ErrTooLarge},
		"altered":       {err: read([]byte(strings.Replace(string(raw), "Invitations", "Imitations", 1)), key.known, during), is: pack.ErrAltered},
		"empty":         {err: read(nil, key.known, during), target: &format},
		"mail":          {err: read([]byte("From: a@b.test\n\nhello\n"), key.known, during), target: &format},
		"memory bomb":   {err: read(resign("m=64 ", "m=4194304 "), key.known, during), target: &format},
		"time bomb":     {err: read(resign("t=1 ", "t=1000000 "), key.known, during), target: &format},
		"lanes":         {err: read(resign("p=1\n", "p=200\n"), key.known, during), target: &format},
		"count":         {err: read(resign("indicators: 11", "indicators: 100000"), key.known, during), target: &format},
		"count 2":       {err: read(resign("indicators: 11", "indicators: 1000000000"), key.known, during), target: &format},
		"long header":   {err: read(resign("for: ", "for: "+strings.Repeat("x", 2000)), key.known, during), target: &format},
		"terminal":      {err: read(resign("for: ", "for: \u202e"), key.known, during), target: &format},
		"unknown kind":  {err: read(resign("kinds: ", "kinds: colour "), key.known, during), target: &format},
		"network":       {err: read(resign("4/24", "4/99"), key.known, during), target: &format},
		"fraction":      {err: read(resign("T00:00:00Z", "T00:00:00.5Z"), key.known, during), target: &format},
		"zone":          {err: read(resign("T00:00:00Z", "T00:00:00+00:00"), key.known, during), target: &format},
		"line too much": {err: read(resign("entries\n", "colour: red\nentries\n"), key.known, during), target: &format},
		"other issuer":  {err: read(resign("key: cert.example+", "key: else.example+"), key.known, during), target: &unknown},
	} {
		switch {
		case c.err == nil:
			t.Errorf("%s: it was read", name)
		case c.is != nil && !errors.Is(c.err, c.is):
			t.Errorf("%s: %v", name, c.err)
		case c.target != nil && !errors.As(c.err, c.target):
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

func sign(t testing.TB, text string, k note.Signer) []byte {
	t.Helper()
	raw, err := note.Sign(&note.Note{Text: text}, k)
	must(t, err)
	return raw
}

func TestDuplicatesAndOrder(t *testing.T) {
	key := newKey(t, "cert.example")
	raw := makePack(t, options(key), oneOfEach...).Bytes
	text, _, _ := strings.Cut(string(raw), "\n\n")
	head, rest, _ := strings.Cut(text, "entries\n")
	lines := strings.SplitAfter(rest+"\n", "\n")
	for name, change := range map[string]func(){
		"twice":    func() { lines[1] = lines[0] },
		"disorder": func() { lines[1], lines[2] = lines[2], lines[1] },
	} {
		kept := slices.Clone(lines)
		change()
		_, err := pack.Read(bytes.NewReader(sign(t, head+"entries\n"+strings.Join(lines, ""), key)), key.known, during)
		if err == nil || !strings.Contains(err.Error(), "same tag") {
			t.Errorf("%s: %v", name, err)
		}
		lines = kept
	}
}

func TestFilterOfOnes(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.FilterBits = 1
	raw := makePack(t, opts, oneOfEach...).Bytes
	text, _, _ := strings.Cut(string(raw), "\n\n")
	head, table, _ := strings.Cut(text, "\nfilter\n")
	old, err := base64.StdEncoding.DecodeString(table)
	must(t, err)
	h, _, err := pack.Describe(bytes.NewReader(raw))
	must(t, err)
	full := make([]byte, len(old))
	for slot := range h.Slots {
		full[slot/8] |= 0x80 >> (slot % 8)
	}
	forged := sign(t, head+"\nfilter\n"+base64.StdEncoding.EncodeToString(full)+"\n", key)
	if _, err := pack.Read(bytes.NewReader(forged), key.known, during); !errors.Is(err, pack.ErrMatchesAll) {
		t.Errorf("a filter of ones: %v", err)
	}
	forged = sign(t, head+"\nfilter\n"+base64.StdEncoding.EncodeToString(make([]byte, len(old)))+"\n", key)
	if _, err := pack.Read(bytes.NewReader(forged), key.known, during); err == nil {
		t.Error("a filter of zeros was read")
	}
}

// TestFilterBitsAreDigits: NaN is as near to what a table tells as to anything else.
func TestFilterBitsAreDigits(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.FilterBits = 1
	text, _, _ := strings.Cut(string(makePack(t, opts, oneOfEach...).Bytes), "\n\n")
	told := regexp.MustCompile(`slots, [0-9.]+ bits`)
	for _, bits := range []string{"NaN", "+Inf", "-1.000", "1.000e0", ""} {
		var format *pack.FormatError
		_, err := pack.Read(bytes.NewReader(sign(t, told.ReplaceAllString(text, "slots, "+bits+" bits")+"\n", key)), key.known, during)
		if !errors.As(err, &format) {
			t.Errorf("a filter of %q bits: %v", bits, err)
		}
	}
}

func TestTampering(t *testing.T) {
	key := newKey(t, "cert.example")
	opts := options(key)
	opts.FilterBits = 1
	raw := makePack(t, opts, oneOfEach...).Bytes
	for at := range raw {
		bad := slices.Clone(raw)
		bad[at] ^= 1 << (at % 7)
		if _, err := pack.Read(bytes.NewReader(bad), key.known, during); err == nil {
			t.Fatalf("byte %d of %d was altered and it was read", at, len(raw))
		}
	}
	for at := range len(raw) {
		if _, err := pack.Read(bytes.NewReader(raw[:at]), key.known, during); err == nil {
			t.Fatalf("cut off at byte %d of %d and it was read", at, len(raw))
		}
	}
}

func TestBundle(t *testing.T) {
	key := newKey(t, "cert.example")
	raw := makePack(t, options(key), oneOfEach...).Bytes
	bundle, err := pack.Bundle(raw)
	must(t, err)
	again, err := pack.Bundle(raw)
	must(t, err)
	equal(t, "bundle", string(again), string(bundle))
	p := read(t, bundle, key.known)
	equal(t, "carried", string(p.Bytes()), string(raw))
	for name, change := range map[string][2]string{
		"hash":       {`"SHA-256": "`, `"SHA-256": "0`},
		"media type": {"vnd.portcullis.pack", "vnd.other"},
		"base64":     {`"payload_bin": "`, `"payload_bin": "!`},
	} {
		bad := strings.Replace(string(bundle), change[0], change[1], 1)
		if _, err := pack.Read(strings.NewReader(bad), key.known, during); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	key := newKey(f, "cert.example")
	for _, bits := range []int{0, 2} {
		opts := options(key)
		opts.FilterBits = bits
		raw := makePack(f, opts, oneOfEach...).Bytes
		text, _, _ := bytes.Cut(raw, []byte("\n\n"))
		f.Add(append(text, '\n'))
		bundle, err := pack.Bundle(raw)
		must(f, err)
		f.Add(bundle)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = pack.Read(bytes.NewReader(raw), key.known, during)
		_, _, _ = pack.Describe(bytes.NewReader(raw))
		if !bytes.HasSuffix(raw, []byte("\n")) {
			return
		}
		signed, err := note.Sign(&note.Note{Text: string(raw)}, key) // behind the signature everything is parsed
		if err != nil {
			return
		}
		p, err := pack.Read(bytes.NewReader(signed), key.known, during)
		if err != nil {
			return
		}
		if p.Count > pack.MaxEntries || p.Params.Validate() != nil || !p.Until.After(during) {
			t.Fatalf("beyond the limits: %+v", p.Header)
		}
	})
}
