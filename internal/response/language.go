package response

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Limits of a folder of language files. They are the operator's, but a wrong folder may
// be named.
const (
	maxLanguageFile = 256 << 10
	maxLanguages    = 200
)

//go:embed languages/en.toml
var english []byte

// languageFile is what a language file holds.
type languageFile struct {
	Language  string            `toml:"language"`
	Name      string            `toml:"name"`
	Direction string            `toml:"direction"`
	Date      string            `toml:"date"`  // a Go layout; "January" stands for the month's name
	Clock     string            `toml:"clock"` // a Go layout
	Months    []string          `toml:"months"`
	Text      map[string]string `toml:"text"`
}

// language is a language file with its texts parsed.
type language struct {
	languageFile
	texts map[string]*template.Template
}

// Languages are the wordings at hand, by tag.
type Languages struct{ byTag map[string]*language }

// LoadLanguages reads English, which is built in, and the files of a folder (nil is
// none), each named by its tag: de.toml, pt-BR.toml. A file for English replaces the
// built-in one. It tells all problems at once.
func LoadLanguages(folder fs.FS) (*Languages, error) {
	en, err := parseLanguage("en.toml", english, nil)
	if err != nil {
		return nil, err
	}
	all := &Languages{byTag: map[string]*language{"en": en}}
	if folder == nil {
		return all, nil
	}
	names, err := fs.Glob(folder, "*.toml")
	if err != nil || len(names) > maxLanguages {
		return nil, errors.Join(err, fmt.Errorf("the folder of languages holds %d files; at most %d are read", len(names), maxLanguages))
	}
	var errs []error
	for _, name := range names {
		l, err := readLanguage(folder, name, en)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all.byTag[strings.ToLower(l.Language)] = l
	}
	return all, errors.Join(errs...)
}

func readLanguage(folder fs.FS, name string, en *language) (*language, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, fmt.Errorf("language file: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxLanguageFile+1))
	if err != nil {
		return nil, fmt.Errorf("language file %s: %w", name, err)
	}
	if len(raw) > maxLanguageFile {
		return nil, fmt.Errorf("language file %s is larger than %d bytes", name, maxLanguageFile)
	}
	return parseLanguage(name, raw, en)
}

// parseLanguage reads one file. like is the wording whose keys it must have.
func parseLanguage(name string, raw []byte, like *language) (*language, error) {
	l := &language{texts: map[string]*template.Template{}}
	if err := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(&l.languageFile); err != nil {
		return nil, fmt.Errorf("language file %s: %w", name, err)
	}
	errs := l.checkHead(name)
	for _, key := range slices.Sorted(maps.Keys(l.Text)) {
		t, err := template.New(key).Option("missingkey=error").Parse(l.Text[key])
		if err == nil {
			err = onlyChoices(t)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("language file %s: %w", name, err))
			continue
		}
		l.texts[key] = t
	}
	if like != nil {
		errs = append(errs, sameKeys(name, l.Text, like.Text)...)
	}
	if len(errs) == 0 {
		errs = append(errs, l.rehearse(name)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

// onlyChoices refuses what could run without end: a text fills in fields and chooses
// between words, and needs no more.
func onlyChoices(t *template.Template) error {
	if len(t.Templates()) > 1 {
		return fmt.Errorf("text %s: {{define}} and {{block}} have no place here", t.Name())
	}
	var walk func(list *parse.ListNode) error
	walk = func(list *parse.ListNode) error {
		if list == nil {
			return nil
		}
		for _, n := range list.Nodes {
			switch n := n.(type) {
			case *parse.TextNode, *parse.ActionNode, *parse.CommentNode:
			case *parse.IfNode:
				if err := errors.Join(walk(n.List), walk(n.ElseList)); err != nil {
					return err
				}
			default:
				return fmt.Errorf("text %s: %s: only fields and {{if}} have a place here", t.Name(), n)
			}
		}
		return nil
	}
	if t.Tree == nil {
		return nil
	}
	return walk(t.Root)
}

func (l *language) checkHead(name string) (errs []error) {
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("language file %s: "+format, append([]any{name}, args...)...))
	}
	if !isLanguage(l.Language) || !strings.EqualFold(l.Language, strings.TrimSuffix(path.Base(name), ".toml")) {
		wrong("language is %q; want the tag that the file is named by", l.Language)
	}
	if l.Direction != "ltr" && l.Direction != "rtl" {
		wrong("direction is %q; want ltr or rtl", l.Direction)
	}
	if len(l.Months) != 12 {
		wrong("there are %d months; want the names of twelve", len(l.Months))
	}
	if l.Date == "" || l.Clock == "" {
		wrong("date and clock say how to write 2 January 2006 and 15:04")
	}
	return errs
}

func sameKeys(name string, have, want map[string]string) (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if strings.TrimSpace(have[key]) == "" {
			errs = append(errs, fmt.Errorf("language file %s: the text %s is missing", name, key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[key]; !ok {
			errs = append(errs, fmt.Errorf("language file %s: there is no text called %s", name, key))
		}
	}
	return errs
}

// rehearse fills in every text once, so that a misspelt field is found when the program
// starts and not when a notice is due.
func (l *language) rehearse(name string) (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(l.texts)) {
		for _, data := range rehearsals(key) {
			if _, err := l.fill(key, data); err != nil {
				errs = append(errs, fmt.Errorf("language file %s: %w", name, err))
				break
			}
		}
	}
	return errs
}

// For chooses the language of a reader: the first of the wanted ones that is there, then
// the same without its region, then the fallback, then English.
func (ls *Languages) For(wanted []string, fallback string) *language {
	for _, tag := range append(slices.Clone(wanted), fallback, "en") {
		tag = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-"))
		for tag != "" {
			if l := ls.byTag[tag]; l != nil {
				return l
			}
			tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
		}
	}
	return ls.byTag["en"]
}

// Tags lists the languages at hand.
func (ls *Languages) Tags() []string { return slices.Sorted(maps.Keys(ls.byTag)) }

// maxFilled bounds one text after filling in.
const maxFilled = 16 << 10

// fill writes one text.
func (l *language) fill(key string, data any) (string, error) {
	t := l.texts[key]
	if t == nil {
		return "", fmt.Errorf("the language %s has no text %s", l.Language, key)
	}
	var out strings.Builder
	if err := t.Execute(&boundedWriter{to: &out, left: maxFilled}, data); err != nil {
		return "", fmt.Errorf("text %s: %w", key, err)
	}
	return strings.Join(strings.Fields(out.String()), " "), nil
}

type boundedWriter struct {
	to   io.Writer
	left int
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, fmt.Errorf("it is longer than %d bytes", maxFilled)
	}
	return w.to.Write(p)
}

// day writes a date with the language's own month.
func (l *language) day(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(zone)
	before, after, named := strings.Cut(l.Date, "January")
	if !named {
		return t.Format(l.Date)
	}
	return t.Format(before) + l.Months[t.Month()-1] + t.Format(after)
}

// moment writes a date and a time with its zone.
func (l *language) moment(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return l.day(t, zone) + ", " + l.hour(t, zone)
}

func (l *language) hour(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return t.Format(l.Clock) + " " + t.Format("MST")
}
