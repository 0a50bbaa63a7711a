package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// seeded is the value one mail carries, in one form.
type seeded struct {
	domain string // unique to the form
	url    string
	label  string // the domain's first label
}

// form is one way for a value to lie in a message.
type form struct {
	name string
	// raw is the whole message but for Message-ID, Date and To.
	raw func(v seeded) string
	// hostOnly says that the form does not hold the URL, only its host.
	hostOnly bool
	// ask gives the queries, where they are not the domain and the URL.
	ask func(v seeded) []string
}

// huntForms scans one mail per form, then asks for what it carries: by domain
// and by URL, as it stands in a report (defanged). A form counts as found if
// every query names its mail and no other.
func huntForms(ctx context.Context, b *bench, s *Section) error {
	list := forms()
	dir, err := b.folder("forms")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mail, data := filepath.Join(dir, "mail"), filepath.Join(dir, "data")
	if err := writeForms(mail, list); err != nil {
		return err
	}
	if _, _, err := b.scan(ctx, scanning{mail: mail, data: data}); err != nil {
		return err
	}
	found, asked := 0, 0
	for i, f := range list {
		missed, n, err := b.huntForm(ctx, data, i, f)
		if err != nil {
			return err
		}
		asked += n
		if len(missed) == 0 {
			found++
		}
		for _, what := range missed {
			s.detail("not found: %s, asked for %s", f.name, what)
		}
	}
	s.condition("%d forms, one real message each, each asked for in a fresh process by domain and by URL in defanged notation: %d hunts.", len(list), asked)
	s.claim("Seeded forms found", percent(found, len(list)), "100 %", found == len(list))
	return nil
}

func formFile(i int, f form) string {
	return fmt.Sprintf("f%03d-%s.eml", i, strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(f.name)))
}

func seedOf(i int) seeded {
	label := fmt.Sprintf("tracker%03d", i)
	return seeded{label: label, domain: label + ".example", url: fmt.Sprintf("https://%s.example/open/k%03d?c=7&m=a_b", label, i)}
}

func writeForms(dir string, list []form) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, f := range list {
		raw := fmt.Sprintf("Date: Mon, 3 Mar 2025 10:%02d:00 +0000\nTo: reader@parliament.example\n", i%60)
		body := f.raw(seedOf(i))
		header, _, _ := strings.Cut("\n"+body, "\n\n")
		if !strings.Contains(header, "\nMessage-ID:") {
			raw += fmt.Sprintf("Message-ID: <form-%03d@sender.example.org>\n", i)
		}
		if !strings.Contains(header, "\nFrom:") {
			raw += "From: Sender <sender@sender.example.org>\n"
		}
		raw = strings.ReplaceAll(raw+body, "\n", "\r\n")
		if err := os.WriteFile(filepath.Join(dir, formFile(i, f)), []byte(raw), 0o600); err != nil {
			return err
		}
	}
	return nil
}

var formName = regexp.MustCompile(`f\d{3}-[a-z0-9-]+\.eml`)

// huntForm asks for one form's value and returns the queries that failed.
func (b *bench) huntForm(ctx context.Context, data string, i int, f form) (missed []string, asked int, err error) {
	v := seedOf(i)
	queries := []string{defang(v.domain)}
	if !f.hostOnly {
		queries = append(queries, defang(v.url))
	}
	if f.ask != nil {
		queries = f.ask(v)
	}
	for _, q := range queries {
		o, err := b.run(ctx, "hunt", "--data", data, "--format", "json", q)
		if err != nil {
			return nil, 0, err
		}
		var names []string
		for _, name := range formName.FindAll(bytes.ReplaceAll(o.out, []byte(`\/`), []byte("/")), -1) {
			names = append(names, string(name))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if len(names) != 1 || names[0] != formFile(i, f) {
			missed = append(missed, fmt.Sprintf("%s (got %d mails; %s)", q, len(names), firstLine(o.err)))
		}
	}
	return missed, len(queries), nil
}

// defang writes a value the way reports do.
func defang(s string) string {
	s = strings.Replace(s, "https://", "hxxps://", 1)
	host, path, ok := strings.Cut(strings.TrimPrefix(s, "hxxps://"), "/")
	out := strings.ReplaceAll(host, ".", "[.]")
	if strings.HasPrefix(s, "hxxps://") {
		out = "hxxps://" + out
	}
	if ok {
		out += "/" + path
	}
	return out
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
