package message_test

import (
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/message"
)

// What a limit kept from being read is said, even behind hundreds of other defects,
// and its bytes can be searched.
func TestUnread(t *testing.T) {
	var many, deep strings.Builder
	many.WriteString("From: a@a.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n")
	for i := range 1200 {
		fmt.Fprintf(&many, "--x\r\nContent-Transfer-Encoding: nonsense\r\n\r\nhttp://part%d.example/\r\n", i)
	}
	many.WriteString("--x--\r\n")
	deep.WriteString("From: a@a.example\r\nMIME-Version: 1.0\r\n")
	for i := range 60 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n", i, i)
	}
	deep.WriteString("Content-Type: text/plain\r\n\r\nhttp://deep.example/\r\n")

	for _, c := range []struct {
		raw, within string
		want        message.DefectKind
	}{
		{many.String(), "part1199.example", message.TooManyParts},
		{deep.String(), "deep.example", message.TooDeep},
		{"From: a@a.example\r\n\r\nhttp://plain.example/\r\n", "", ""},
	} {
		m := message.Parse([]byte(c.raw), message.Limits{})
		var kind message.DefectKind
		if list := m.Unread(); len(list) > 0 {
			kind = list[0].Kind
		}
		if kind != c.want {
			t.Errorf("%q is said to be unread, want %q", kind, c.want)
		}
		found := false
		for _, s := range m.Unopened() {
			found = found || strings.Contains(string(m.Raw[s.Start:s.End]), c.within)
		}
		if found != (c.within != "") {
			t.Errorf("%q is among what was not opened: %v", c.within, found)
		}
	}
}

func TestUnfolded(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"URL:https://a.exam\r\n ple": "URL:https://a.example",
		"X:a\n\tb\r\nY:c":            "X:ab\r\nY:c",
		`D:one\ntwo\, three\;\\`:     "D:one\ntwo, three;\\",
		`D:odd\x end\`:               `D:odd\x end\`,
		"\r\n ":                      "",
	} {
		got, at := message.Unfolded(text)
		if got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		for i := range got {
			if j := at(i); j < 0 || j >= len(text) {
				t.Errorf("%q: byte %d lies at %d", text, i, j)
			} else if got[i] != text[j] && text[j-1] != '\\' && text[j] != '\\' {
				t.Errorf("%q: byte %d is %q, at %d stands %q", text, i, got[i], j, text[j])
			}
		}
		if at(len(got)) > len(text) {
			t.Errorf("%q ends at %d", text, at(len(got)))
		}
	}
}
