package people

import (
	"strings"
	"testing"
)

func benchmarkParse(b *testing.B, text string) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d, _, err := Parse("people", strings.NewReader(text))
		if err != nil || len(d.People()) != 20000 {
			b.Fatal(err, len(d.People()))
		}
	}
}

func BenchmarkParseTOML20000(b *testing.B) { t, _ := generated(20000); benchmarkParse(b, t) }
func BenchmarkParseCSV20000(b *testing.B)  { _, c := generated(20000); benchmarkParse(b, c) }

func BenchmarkMatchName(b *testing.B) {
	t, _ := generated(20000)
	d, _, _ := Parse("people", strings.NewReader(t))
	someone := d.People()[77]
	for name, display := range map[string]string{"nobody": "Greta Lindenhoff", "newsletter": "The Weekly Digest of Energy News", "somebody": someone.Name,
		"titled": "Dr. " + someone.Name + " MP via Office", "slip": someone.Name + "n", "commonplace": "Robert Smith"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.MatchName(display)
			}
		})
	}
}

func BenchmarkMatchDomain(b *testing.B) {
	var text strings.Builder
	for i, p := range func() []*Person {
		t, _ := generated(1000)
		d, _, _ := Parse("p", strings.NewReader(t))
		return d.People()
	}() {
		text.WriteString("[[partner]]\nname = \"Partner\"\nid = \"" + string(p.ID)[7:] + "\"\ndomains = [\"" + strings.ToLower(strings.Fields(p.Name)[1]) + string(rune('a'+i%26)) + ".example\"]\n")
	}
	d, _, _ := Parse("people", strings.NewReader(text.String()))
	for name, domain := range map[string]string{"other": "mail.ordinary-business.example", "own": d.Organisations()[5].Domains[0], "alike": "login-" + d.Organisations()[5].Domains[0],
		"long": "a.b.c.d.e.f.tracking.click-server-0123.some-very-long-label-of-a-provider.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.MatchDomain(domain)
			}
		})
	}
}
