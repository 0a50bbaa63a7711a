package main

import (
	"strings"
	"testing"
)

func TestSpanned(t *testing.T) {
	for line, want := range map[string]string{
		"register who-read 4711 --between 2026-01-01 2026-02-01":               "register who-read 4711 --between 2026-01-01 --and 2026-02-01",
		"register what-read alice --request x --between 30d 1d --export f":     "register what-read alice --request x --between 30d --and 1d --export f",
		"register what-read alice --between 2026-01-01 --and 2026-02-01":       "",
		"register what-read alice --between 2026-01-01 --export f":             "",
		"register who-read 4711 --reason x --between 2026-01-01":               "",
		"register who-read --between 2026-01-01 4711 --reason x":               "", // whose record comes last
		"register who-read -- --between 1 2":                                   "",
		"hunt register who-read --between 2026-01-01 2026-02-01 a.example":     "",
		"register who-read 4711 --and 2026-02-01 --between 2026-01-01 another": "",
	} {
		if want == "" {
			want = line
		}
		if got := strings.Join(spanned(strings.Fields(line)), " "); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", line, got, want)
		}
	}
}
