package names

import "testing"

func BenchmarkNewIndex60000(b *testing.B) {
	var entries []Entry
	for _, e := range newInvented(71).entries(20000) {
		entries = append(entries, e, Entry{e.Key, e.Name[:1] + ". " + e.Name[5:]}, Entry{e.Key, "Dr. " + e.Name})
	}
	for b.Loop() {
		NewIndex(entries)
	}
}

func BenchmarkLookup(b *testing.B) {
	x := NewIndex(newInvented(72).entries(20000))
	known := x.variants[99].entry.Name
	for name, display := range map[string]string{"nobody": "Greta Lindenhoff", "newsletter": "The Weekly Digest of Energy News", "match": known,
		"titled": "Dr. " + known + " MP", "cyrillic": "Сергей Щербаков", "han": "王小明"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Lookup(display)
			}
		})
	}
}

func BenchmarkDomainLookup(b *testing.B) {
	x := NewDomainIndex(protectedDomains(73, 1000))
	for name, domain := range map[string]string{"other": "mail.ordinary-business.example", "alike": "login-" + x.entries[5].domain,
		"long": "a.b.c.tracking.click-server-0123.some-very-long-label-of-a-provider.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Lookup(domain)
			}
		})
	}
}
