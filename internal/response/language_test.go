package response

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// german is the English file with a German head: enough to see that it is taken.
func german(change func(string) string) fstest.MapFS {
	text := strings.NewReplacer(`language = "en"`, `language = "de"`, `"March"`, `"März"`, `date = "2 January 2006"`, `date = "2. January 2006"`,
		"A security notice for {{.Name}}", "Sicherheitshinweis für {{.Name}}").Replace(string(english))
	if change != nil {
		text = change(text)
	}
	return fstest.MapFS{"de.toml": {Data: []byte(text)}, "README.md": {Data: []byte("not a language")}}
}

func TestLanguages(t *testing.T) {
	ls, err := LoadLanguages(german(nil))
	must(t, err)
	equal(t, "tags", ls.Tags(), []string{"de", "en"})
	for _, c := range []struct {
		wanted   []string
		fallback string
		want     string
	}{
		{[]string{"de"}, "en", "de"},
		{[]string{"de-AT", "en"}, "en", "de"},
		{[]string{"DE_ch"}, "en", "de"},
		{[]string{"fr", "de"}, "en", "de"},
		{[]string{"fr"}, "de", "de"},
		{[]string{"fr"}, "fr", "en"},
		{nil, "", "en"},
	} {
		equal(t, strings.Join(c.wanted, ","), ls.For(c.wanted, c.fallback).Language, c.want)
	}
	o := office(t)
	o.languages = ls
	r := anna()
	r.Languages = []string{"de-DE"}
	d, err := o.Notice(approvedNotice(r))
	must(t, err)
	equal(t, "title", []string{d.Title, d.Language}, []string{"Sicherheitshinweis für Anna Keller", "de"})
	if !strings.Contains(d.Text(), "3. März 2026") {
		t.Errorf("the date is not in the language:\n%s", d.Text())
	}
}

// TestBrokenLanguages: all problems of a folder are told at once, each with its file.
func TestBrokenLanguages(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string
		want     []string
	}{
		{"text missing", "could_link = ", "#", []string{"de.toml", "could_link is missing"}},
		{"unknown text", "[text]", "[text]\ncould_fly = \"x\"", []string{"no text called could_fly"}},
		{"unknown key", "clock =", "klok =", []string{"de.toml"}},
		{"misspelt field", "{{.Office}}{{if .House}}", "{{.Offce}}{{if .House}}", []string{"notice_lead", "Offce"}},
		{"broken template", "für {{.Name}}", "für {{.Name", []string{"notice_title"}},
		{"endless text", `call_check = "`, `call_check = "{{range 100000000000}}{{end}}`, []string{"only fields and {{if}}"}},
		{"long text", `call_check = "`, `call_check = "{{printf \"%20000d\" 1}}`, []string{"longer than"}},
		{"defined text", `call_check = "`, `call_check = "{{define \"x\"}}{{end}}`, []string{"have no place here"}},
		{"months", `"January", `, "", []string{"11 months"}},
		{"direction", `"ltr"`, `"up"`, []string{"want ltr or rtl"}},
		{"tag", `language = "de"`, `language = "fr"`, []string{"the tag that the file is named by"}},
		{"no TOML", "[text]", "[text", []string{"de.toml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadLanguages(german(func(s string) string {
				if !strings.Contains(s, c.old) {
					t.Fatalf("the file holds no %q", c.old)
				}
				return strings.Replace(s, c.old, c.new, 1)
			}))
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
	_, err := LoadLanguages(fstest.MapFS{"de.toml": {Data: []byte(strings.Repeat("#", maxLanguageFile+1))}})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add(string(english))
	f.Add("language = \"de\"\n[text]\nx = \"{{.}}\"")
	f.Fuzz(func(t *testing.T, text string) {
		en, err := parseLanguage("en.toml", english, nil)
		must(t, err)
		l, err := parseLanguage("de.toml", []byte(text), en)
		if err != nil {
			return
		}
		for key := range l.texts { // what was accepted can be filled in
			for _, data := range rehearsals(key) {
				if _, err := l.fill(key, data); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestConfig(t *testing.T) {
	must(t, DefaultConfig().Validate())
	c := DefaultConfig()
	c.DeadlineHours, c.MaxDelayDays, c.Zone, c.Language = 0, 0, "Nowhere/At all", "../etc"
	c.SMTP = SMTP{Server: "mail", TLS: "maybe", From: "nobody", User: "desk"}
	err := c.Validate()
	for _, want := range []string{"deadline_hours", "max_delay_days", "zone", "language", "host:port", "starttls, implicit or none", "not an address", "belong together", "timeout_seconds"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors lack %q: %v", want, err)
		}
	}
	for name, content := range map[string]string{"missing.ttf": "", "page.ttf": "<html>", "half.ttf": "\x00\x01\x00\x00\x00"} {
		path := filepath.Join(t.TempDir(), name)
		if content != "" {
			must(t, os.WriteFile(path, []byte(content), 0o600))
		}
		c := DefaultConfig()
		c.Font = path
		if _, err := NewOffice(c); err == nil || !strings.Contains(err.Error(), "font") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
