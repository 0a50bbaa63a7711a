package campaigns

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// Limits of lists, which operators load from elsewhere.
const (
	maxListFile    = 64 << 20
	maxListEntries = 4 << 20 // of all lists
	maxPatterns    = 500     // regular expressions: each is tried on each value
	gram           = 3       // substrings are found by so many first bytes
)

//go:embed warninglists/*.json
var ownLists embed.FS

// Warninglists know values that are commonplace: many hold them who have nothing to do
// with one another. The format is that of the MISP project (misp-warninglists): a
// JSON object with name, type (string, hostname, substring, cidr, regex), the
// attributes it is for, and the list. It never changes once loaded, so any number of
// goroutines may ask.
type Warninglists struct {
	names    []string
	kinds    []typeSet // per list: what it is for
	exact    map[string][]int
	hosts    map[string][]int
	networks map[netip.Prefix][]int
	lengths  []int                  // prefix lengths that occur, IPv4 as 96 and more
	pieces   map[string][]listPiece // by their first bytes
	patterns []listPattern
	entries  int
}

type listPiece struct {
	list  int
	piece string
}

type listPattern struct {
	list int
	re   *regexp.Regexp
}

// typeSet is the types of observables a list is for; nil is all.
type typeSet map[portcullis.ObservableType]bool

// attributeTypes says which of our types the attributes of MISP stand for.
var attributeTypes = map[string]portcullis.ObservableType{
	"domain": portcullis.TypeDomain, "hostname": portcullis.TypeDomain, "domain|ip": portcullis.TypeDomain,
	"ip-src": portcullis.TypeIP, "ip-dst": portcullis.TypeIP, "ip-src|port": portcullis.TypeIP, "ip-dst|port": portcullis.TypeIP,
	"url": portcullis.TypeURL, "uri": portcullis.TypeURL, "link": portcullis.TypeURL,
	"email": portcullis.TypeEmail, "email-src": portcullis.TypeEmail, "email-dst": portcullis.TypeEmail, "email-reply-to": portcullis.TypeEmail,
	"whois-registrant-email": portcullis.TypeEmail,
	"md5":                    portcullis.TypeHash, "sha1": portcullis.TypeHash, "sha256": portcullis.TypeHash,
	"filename": portcullis.TypeFileName, "email-subject": portcullis.TypeSubject, "email-message-id": portcullis.TypeMessageID,
}

// OwnLists are the lists that come with the program: link shorteners, services that rewrite links, shared hosting,
// mailbox providers, bulk-mail services, and what is in nearly every HTML mail.
var OwnLists = sync.OnceValue(func() *Warninglists {
	w, _, err := LoadWarninglists(ownLists)
	if err != nil {
		return &Warninglists{} // cannot happen: a test loads them
	}
	return w
})

// ListProblem is a list, or an entry of one, that could not be used.
type ListProblem struct {
	File, Message string
}

func (p ListProblem) Error() string { return p.File + ": " + p.Message }

// LoadWarninglists reads every .json file of the file systems, subfolders included: lists,
// or files that hold none. A list of a type that is not known, and a regular
// expression that cannot be used, are told and left out; a file that is no list at all is an error.
func LoadWarninglists(sources ...fs.FS) (*Warninglists, []ListProblem, error) {
	l := &listLoader{w: newWarninglists()}
	var errs []error
	for _, source := range sources {
		errs = append(errs, fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".json" {
				return err
			}
			return l.file(source, name)
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, l.problems, fmt.Errorf("load warninglists: %w", err)
	}
	l.finish()
	return l.w, l.problems, nil
}

func newWarninglists() *Warninglists {
	return &Warninglists{exact: map[string][]int{}, hosts: map[string][]int{}, networks: map[netip.Prefix][]int{}, pieces: map[string][]listPiece{}}
}

type listLoader struct {
	w        *Warninglists
	problems []ListProblem
}

// listFile is the format of MISP; version is a number in some and text in others.
type listFile struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	Attributes []string `json:"matching_attributes"`
	List       []string `json:"list"`
}

func (l *listLoader) file(source fs.FS, name string) error {
	f, err := source.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxListFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case len(raw) > maxListFile:
		return fmt.Errorf("%s is over %d MB; split it", name, maxListFile>>20)
	}
	var list listFile
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s is no warninglist of the MISP format: %w", name, err)
	}
	return l.add(name, list)
}

func (l *listLoader) add(file string, list listFile) error {
	add, ok := map[string]func(string, int) error{
		"string": l.exact, "hostname": l.host, "substring": l.substring, "cidr": l.network, "regex": l.regex,
	}[list.Type]
	if !ok {
		l.problems = append(l.problems, ListProblem{file, fmt.Sprintf("type %.40q is none of string, hostname, substring, cidr, regex; the list is not used", list.Type)})
		return nil
	}
	kinds, ok := typesOf(list.Attributes)
	if !ok {
		return nil // for things we never see, such as telephone numbers
	}
	l.w.names, l.w.kinds = append(l.w.names, list.Name), append(l.w.kinds, kinds)
	bad, first := 0, ""
	for _, entry := range list.List {
		if l.w.entries++; l.w.entries > maxListEntries {
			return fmt.Errorf("%s: there are over %d entries in all lists together; load fewer", file, maxListEntries)
		}
		if err := add(strings.ToLower(strings.TrimSpace(entry)), len(l.w.names)-1); err != nil {
			if bad++; bad == 1 {
				first = err.Error()
			}
		}
	}
	if bad > 0 {
		l.problems = append(l.problems, ListProblem{file, fmt.Sprintf("%d of %d entries cannot be used, the first because: %s", bad, len(list.List), first)})
	}
	return nil
}

// typesOf reports false for a list that is for nothing we know.
func typesOf(attributes []string) (typeSet, bool) {
	if len(attributes) == 0 {
		return nil, true
	}
	kinds := typeSet{}
	for _, a := range attributes {
		if t, ok := attributeTypes[a]; ok {
			kinds[t] = true
		}
	}
	return kinds, len(kinds) > 0
}

func (l *listLoader) exact(entry string, list int) error {
	if entry == "" {
		return errors.New("an empty entry")
	}
	l.w.exact[entry] = append(l.w.exact[entry], list)
	return nil
}

// host takes a name for itself and all below it; a dot before it changes nothing.
func (l *listLoader) host(entry string, list int) error {
	entry = strings.TrimPrefix(strings.TrimPrefix(entry, "*"), ".")
	if canon, err := observable.Domain(entry); err == nil {
		entry = canon
	}
	if entry == "" {
		return errors.New("an empty entry matches every host")
	}
	l.w.hosts[entry] = append(l.w.hosts[entry], list)
	return nil
}

func (l *listLoader) network(entry string, list int) error {
	prefix, err := netip.ParsePrefix(entry)
	if err != nil {
		ip, ipErr := netip.ParseAddr(entry)
		if ipErr != nil {
			return fmt.Errorf("%.60q is no network", entry)
		}
		prefix = netip.PrefixFrom(ip, ip.BitLen())
	}
	prefix = wide(prefix)
	l.w.networks[prefix] = append(l.w.networks[prefix], list)
	return nil
}

// wide writes IPv4 networks as IPv6, so that one table serves both.
func wide(p netip.Prefix) netip.Prefix {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), bits).Masked()
}

func (l *listLoader) substring(entry string, list int) error {
	if len(entry) < gram {
		return fmt.Errorf("substring %.20q would match nearly everything", entry)
	}
	l.w.pieces[entry[:gram]] = append(l.w.pieces[entry[:gram]], listPiece{list, entry})
	return nil
}

// regex takes the notation /expression/flags as well as the bare expression. RE2 has
// no look-around, which a few lists use.
func (l *listLoader) regex(entry string, list int) error {
	if end := strings.LastIndexByte(entry, '/'); strings.HasPrefix(entry, "/") && end > 0 {
		entry = entry[1:end]
	}
	re, err := regexp.Compile("(?i)" + entry)
	if err != nil {
		return fmt.Errorf("regular expression %.60q: %w", entry, err)
	}
	if re.MatchString("") {
		return fmt.Errorf("regular expression %.60q matches everything", entry)
	}
	if len(l.w.patterns) >= maxPatterns {
		return fmt.Errorf("beyond the first %d regular expressions of all lists", maxPatterns)
	}
	l.w.patterns = append(l.w.patterns, listPattern{list, re})
	return nil
}

func (l *listLoader) finish() {
	seen := [129]bool{}
	for p := range l.w.networks {
		seen[p.Bits()] = true
	}
	for bits := 128; bits >= 0; bits-- {
		if seen[bits] {
			l.w.lengths = append(l.w.lengths, bits)
		}
	}
}

// Entries is how many entries were loaded, of how many lists.
func (w *Warninglists) Entries() (entries, lists int) { return w.entries, len(w.names) }

// Match tells which list holds a value, "" if none does. The host of a URL counts for a
// URL that has no path of its own; a longer one is as telling as its path is long.
func (w *Warninglists) Match(o portcullis.Observable) string {
	if w == nil {
		return ""
	}
	value := strings.ToLower(o.Value)
	if name := w.first(w.exact[value], o.Type); name != "" {
		return name
	}
	switch o.Type {
	case portcullis.TypeDomain:
		return w.matchHost(value, o.Type)
	case portcullis.TypeURL:
		return w.matchURL(value)
	case portcullis.TypeIP:
		if name := w.matchIP(value); name != "" {
			return name
		}
	case portcullis.TypeCIDR:
		if name := w.matchNetwork(value); name != "" {
			return name
		}
	}
	return w.matchPattern(value, o.Type)
}

func (w *Warninglists) first(lists []int, t portcullis.ObservableType) string {
	for _, n := range lists {
		if w.isFor(n, t) {
			return w.names[n]
		}
	}
	return ""
}

func (w *Warninglists) matchHost(host string, t portcullis.ObservableType) string {
	for h := host; h != ""; {
		if name := w.first(w.hosts[h], t); name != "" {
			return name
		}
		_, h, _ = strings.Cut(h, ".")
	}
	return w.matchPattern(host, t)
}

func (w *Warninglists) matchURL(value string) string {
	u, err := observable.ParseURL(value)
	if err != nil || len(strings.TrimRight(value[strings.Index(value, u.Host)+len(u.Host):], "/")) > 1 {
		return ""
	}
	return w.matchHost(u.Host, portcullis.TypeURL)
}

func (w *Warninglists) matchIP(value string) string {
	ip, err := netip.ParseAddr(value)
	if err != nil {
		return ""
	}
	full := netip.AddrFrom16(ip.As16())
	for _, bits := range w.lengths {
		if p, err := full.Prefix(bits); err == nil {
			if name := w.first(w.networks[p], portcullis.TypeIP); name != "" {
				return name
			}
		}
	}
	return ""
}

// matchNetwork tells which list holds a whole network: 10.0.0.0/8 lies in no house of an attacker's.
func (w *Warninglists) matchNetwork(value string) string {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return ""
	}
	p = wide(p)
	for _, bits := range w.lengths {
		if bits > p.Bits() {
			continue
		}
		if name := w.first(w.networks[netip.PrefixFrom(p.Addr(), bits).Masked()], portcullis.TypeIP); name != "" {
			return name
		}
	}
	return ""
}

func (w *Warninglists) matchPattern(value string, t portcullis.ObservableType) string {
	for i := 0; i+gram <= len(value); i++ {
		for _, p := range w.pieces[value[i:i+gram]] {
			if strings.HasPrefix(value[i:], p.piece) && w.isFor(p.list, t) {
				return w.names[p.list]
			}
		}
	}
	for _, p := range w.patterns {
		if w.isFor(p.list, t) && p.re.MatchString(value) {
			return w.names[p.list]
		}
	}
	return ""
}

func (w *Warninglists) isFor(list int, t portcullis.ObservableType) bool {
	kinds := w.kinds[list]
	return kinds == nil || kinds[t]
}

// Merge returns lists that know what both know.
func (w *Warninglists) Merge(other *Warninglists) *Warninglists {
	if w == nil || other == nil {
		if w == nil {
			return other
		}
		return w
	}
	m := newWarninglists()
	m.entries = w.entries + other.entries
	m.take(w)
	m.take(other)
	(&listLoader{w: m}).finish()
	return m
}

func (w *Warninglists) take(from *Warninglists) {
	shift := len(w.names)
	w.names, w.kinds = append(w.names, from.names...), append(w.kinds, from.kinds...)
	takeAll(w.exact, from.exact, shift)
	takeAll(w.hosts, from.hosts, shift)
	takeAll(w.networks, from.networks, shift)
	for first, list := range from.pieces {
		for _, p := range list {
			w.pieces[first] = append(w.pieces[first], listPiece{p.list + shift, p.piece})
		}
	}
	for _, p := range from.patterns {
		p.list += shift
		w.patterns = append(w.patterns, p)
	}
}

func takeAll[K comparable](into, from map[K][]int, shift int) {
	for k, lists := range from {
		moved := slices.Clone(lists)
		for i := range moved {
			moved[i] += shift
		}
		into[k] = append(into[k], moved...)
	}
}
