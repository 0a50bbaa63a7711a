package pack

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Header is what anybody may read of a pack.
type Header struct {
	Issuer     string    `json:"issuer"` // as the issuer writes it; only the key says who it is
	Key        string    `json:"key"`    // "cert.example+1a2b3c4d"
	For        string    `json:"for"`
	TLP        string    `json:"tlp"` // "TLP:AMBER"
	Created    time.Time `json:"created"`
	Until      time.Time `json:"until"`
	Kinds      []Kind    `json:"kinds"`
	Networks   []string  `json:"networks,omitempty"` // "4/24": lengths of the networks that are sealed
	Params     Params    `json:"params"`
	Salt       []byte    `json:"salt"`
	FilterBits float64   `json:"filter_bits,omitempty"` // what the filter tells of each indicator; 0 is no filter
	Slots      int       `json:"filter_slots,omitempty"`
	Rate       int       `json:"rate"` // guesses per second and core that the issuer measured
	Count      int       `json:"count"`
	Padded     bool      `json:"padded"` // Count holds entries that stand for nothing
	Texts      int       `json:"texts"`
	TextSize   int       `json:"text_size"` // bytes of each sealed text, all of one size
}

// Limits of what is read.
const (
	MaxSize    = 32 << 20
	MaxEntries = 100_000
	maxTexts   = 1000
	maxText    = 8 << 10
	textStep   = 256 // sealed texts are so long, or a multiple
	maxLine    = 1024
	maxHeader  = 32
	maxNetOf   = 8 // lengths of networks
	mostFilter = 8 // bits
)

const (
	magic       = "portcullis-pack/v"
	version     = 1
	sectTable   = "entries"
	sectTexts   = "texts"
	sectFilter  = "filter"
	filterWidth = 57 // bytes in a line of the filter
)

// text writes the header. parse reads it.
func (h Header) text() string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s: %s\n", key, value) }
	fmt.Fprintf(&b, "%s%d\n", magic, version)
	line("issuer", h.Issuer)
	line("key", h.Key)
	line("for", h.For)
	line("tlp", h.TLP)
	line("created", h.Created.UTC().Format(time.RFC3339))
	line("until", h.Until.UTC().Format(time.RFC3339))
	line("kinds", join(h.Kinds))
	if len(h.Networks) > 0 {
		line("networks", strings.Join(h.Networks, " "))
	}
	line("kdf", h.Params.String())
	line("salt", base64.StdEncoding.EncodeToString(h.Salt))
	if h.Slots > 0 {
		line("filter", fmt.Sprintf("%d slots, %.3f bits", h.Slots, h.FilterBits))
	} else {
		line("filter", "none")
	}
	line("rate", strconv.Itoa(h.Rate))
	line("indicators", h.countText())
	line("texts", fmt.Sprintf("%d of %d", h.Texts, h.TextSize))
	return b.String()
}

func (h Header) countText() string {
	if h.Padded {
		return fmt.Sprintf("at most %d", h.Count)
	}
	return strconv.Itoa(h.Count)
}

func join(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, " ")
}

// headerField reads one line of the header.
type headerField struct {
	name     string
	optional bool
	read     func(h *Header, value string) error
}

// headerFields are in the order in which they must stand: one pack has one text.
var headerFields = []headerField{
	{"issuer", false, func(h *Header, v string) error { h.Issuer = v; return nil }},
	{"key", false, func(h *Header, v string) error { h.Key = v; return nil }},
	{"for", false, func(h *Header, v string) error { h.For = v; return nil }},
	{"tlp", false, func(h *Header, v string) (err error) { h.TLP = v; return markingError(v) }},
	{"created", false, func(h *Header, v string) (err error) { h.Created, err = readTime(v); return err }},
	{"until", false, func(h *Header, v string) (err error) { h.Until, err = readTime(v); return err }},
	{"kinds", false, readKinds},
	{"networks", true, readNetworks},
	{"kdf", false, readParams},
	{"salt", false, readSalt},
	{"filter", false, readFilter},
	{"rate", false, func(h *Header, v string) (err error) { h.Rate, err = number(v, 1<<40); return err }},
	{"indicators", false, readCount},
	{"texts", false, readTexts},
}

// parseHeader reads the header from lines and returns the rest.
func parseHeader(text string) (h Header, rest string, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	if err := checkVersion(first); err != nil {
		return h, "", err
	}
	for _, f := range headerFields {
		line, after, ok := strings.Cut(rest, "\n")
		value, found := strings.CutPrefix(line, f.name+": ")
		switch {
		case !found && f.optional:
			continue
		case !ok || !found:
			return h, "", formatError("the header has no line %q where it belongs", f.name)
		case len(line) > maxLine:
			return h, "", formatError("the header's line %q is longer than %d bytes", f.name, maxLine)
		}
		if err := errors.Join(printable(value), f.read(&h, value)); err != nil {
			return h, "", formatError("%s: %w", f.name, err)
		}
		rest = after
	}
	return h, rest, h.check()
}

func checkVersion(line string) error {
	v, ok := strings.CutPrefix(line, magic)
	if !ok || len(v) > 9 {
		return formatError("it does not begin with %q", magic+strconv.Itoa(version))
	}
	if n, err := strconv.Atoi(v); err != nil || n < 1 {
		return formatError("its version %q is no number", v)
	} else if n != version {
		return &VersionError{Have: n}
	}
	return nil
}

// check looks at what lines say together.
func (h Header) check() error {
	switch {
	case !h.Until.After(h.Created):
		return formatError("it ends before it begins")
	case slices.Contains(h.Kinds, KindNetwork) != (len(h.Networks) > 0):
		return formatError("the lines kinds and networks do not agree")
	case h.Texts == 0 != (h.TextSize == 0):
		return formatError("the line texts contradicts itself")
	}
	return nil
}

// printable refuses what would act on a terminal or turn the direction of text.
func printable(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("it is empty")
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return fmt.Errorf("the character %U cannot stand there", r)
		}
	}
	return nil
}

// markings are those of FIRST, TLP 2.0, the strictest last.
var markings = []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

func markingError(s string) error {
	if slices.Contains(markings, s) {
		return nil
	}
	return fmt.Errorf("%.40q is none of %s", s, strings.Join(markings, ", "))
}

func readTime(v string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || t.UTC().Format(time.RFC3339) != v {
		return t, fmt.Errorf("%.40q is no time such as 2026-11-30T08:00:00Z", v)
	}
	return t, nil
}

func number(v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || strconv.Itoa(n) != v {
		return 0, fmt.Errorf("%.40q is no number", v)
	}
	if n > most {
		return 0, fmt.Errorf("%d is more than %d", n, most)
	}
	return n, nil
}

func readKinds(h *Header, v string) error {
	for word := range strings.SplitSeq(v, " ") {
		at := slices.Index(allKinds, Kind(word))
		if at < 0 {
			return fmt.Errorf("%.40q is no kind that this program knows", word)
		}
		if n := len(h.Kinds); n > 0 && slices.Index(allKinds, h.Kinds[n-1]) >= at {
			return errors.New("kinds stand twice or not in their order")
		}
		h.Kinds = append(h.Kinds, Kind(word))
	}
	return nil
}

func readNetworks(h *Header, v string) error {
	for word := range strings.SplitSeq(v, " ") {
		if _, err := readLength(word); err != nil {
			return err
		}
		if n := len(h.Networks); n > 0 && h.Networks[n-1] >= word {
			return errors.New("lengths stand twice or not in their order")
		}
		h.Networks = append(h.Networks, word)
	}
	if len(h.Networks) > maxNetOf {
		return fmt.Errorf("%d lengths of networks; at most %d are tested", len(h.Networks), maxNetOf)
	}
	return nil
}

// readLength reads "4/24" or "6/48".
func readLength(word string) (p netip.Prefix, err error) {
	family, bits, _ := strings.Cut(word, "/")
	zero := map[string]string{"4": "0.0.0.0/", "6": "::/"}[family]
	if p, err = netip.ParsePrefix(zero + bits); err != nil {
		return p, fmt.Errorf("%.40q is no length such as 4/24", word)
	}
	return p, nil
}

func readParams(h *Header, v string) error {
	var p Params
	if _, err := fmt.Sscanf(v, "argon2id 19 m=%d t=%d p=%d", &p.Memory, &p.Time, &p.Lanes); err != nil || p.String() != v {
		return fmt.Errorf("%.80q is not like %q", v, DefaultParams())
	}
	h.Params = p
	return p.Validate()
}

func readSalt(h *Header, v string) (err error) {
	if h.Salt, err = base64.StdEncoding.Strict().DecodeString(v); err != nil || len(h.Salt) != saltSize {
		return fmt.Errorf("it is not %d bytes in base64", saltSize)
	}
	return nil
}

func readFilter(h *Header, v string) (err error) {
	if v == "none" {
		return nil
	}
	slots, bits, ok := strings.Cut(v, " slots, ")
	bits, ok2 := strings.CutSuffix(bits, " bits")
	if !ok || !ok2 {
		return fmt.Errorf("%.40q is neither none nor like %q", v, "3475 slots, 2.000 bits")
	}
	if h.Slots, err = number(slots, MaxEntries<<mostFilter); err != nil {
		return err
	}
	if h.FilterBits, err = strconv.ParseFloat(bits, 64); err != nil || h.Slots == 0 || !decimal(bits) || fmt.Sprintf("%.3f", h.FilterBits) != bits {
		return fmt.Errorf("%.40q does not say how many bits it tells", v)
	}
	return nil
}

// decimal keeps out what ParseFloat takes beside digits: NaN is as near to every number as a comparison can tell.
func decimal(s string) bool { return strings.Trim(s, "0123456789.") == "" }

func readCount(h *Header, v string) (err error) {
	v, h.Padded = strings.CutPrefix(v, "at most ")
	if h.Count, err = number(v, MaxEntries); err == nil && h.Count == 0 {
		err = errors.New("there are none")
	}
	return err
}

func readTexts(h *Header, v string) (err error) {
	n, size, ok := strings.Cut(v, " of ")
	if !ok {
		return fmt.Errorf("%.40q is not like %q", v, "1 of 1024")
	}
	if h.Texts, err = number(n, maxTexts); err != nil {
		return err
	}
	if h.TextSize, err = number(size, maxText+textStep); err == nil && h.TextSize%textStep != 0 {
		err = fmt.Errorf("their size is no multiple of %d", textStep)
	}
	return err
}
