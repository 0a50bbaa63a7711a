package source

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ofParts invents a message of parts, each header and body.
func ofParts(subject, kind string, parts ...string) string {
	boundary := "b" + strings.ReplaceAll(subject, " ", "")
	return "From: ann@example.com\r\nTo: bob@example.org\r\nSubject: " + subject + "\r\nContent-Type: " + kind + "; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n" +
		strings.Join(parts, "\r\n--"+boundary+"\r\n") + "\r\n--" + boundary + "--\r\n"
}

func plainMail(subject string) string {
	return "From: x@example.net\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.net>\r\n\r\nbody of " + subject + "\r\n"
}

func TestAttached(t *testing.T) {
	text := "Content-Type: text/plain\r\n\r\nlook at these"
	deep := ofParts("deep", "multipart/mixed", text, "Content-Type: message/rfc822\r\n\r\n"+plainMail("deeper"))
	raw := ofParts("outer", "multipart/mixed", text,
		"Content-Type: message/rfc822\r\n\r\n"+deep,
		"Content-Type: application/octet-stream; name=a.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte(plainMail("encoded"))),
		"Content-Type: application/vnd.ms-outlook\r\nContent-Disposition: attachment; filename=b.msg\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString(inventUnicode().c.bytes()),
		"Content-Type: application/zip; name=\"mails.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte(zipped(t, named{"in/1.eml", plainMail("packed")}, named{"notes.txt", "no"}))),
		"Content-Type: application/octet-stream; name=liar.eml\r\n\r\nno header at all",
	)
	list, err := Attached(Item{Source: "box#x", Raw: []byte(raw), Mailbox: "bob"}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list {
		got = append(got, i.Nested+" "+see(t, i.Raw).subject)
		if i.Source != "box#x#"+i.Nested || i.Mailbox != "bob" || i.Envelope.Sender != "" || i.Envelope.Recipients != nil {
			t.Errorf("%+v", i)
		}
	}
	want := []string{"2 deep", "2.2 deeper", "3 encoded", "4 " + see(t, list[3].Raw).subject, "5!in/1.eml packed"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAttachedBounds(t *testing.T) {
	raw := plainMail("innermost")
	for i := range 30 {
		raw = ofParts(fmt.Sprint("level ", i), "multipart/mixed", "Content-Type: message/rfc822\r\n\r\n"+raw)
	}
	if list, err := Attached(Item{Raw: []byte(raw)}, 1<<20); err == nil || len(list) != maxNestedDepth {
		t.Errorf("%d of 30 levels, %v", len(list), err)
	}
	bounce := ofParts("bounce", "multipart/report; report-type=delivery-status", "Content-Type: text/plain\r\n\r\nnot delivered",
		"Content-Type: message/delivery-status\r\n\r\nAction: failed", "Content-Type: message/rfc822\r\n\r\n"+plainMail("mine"))
	if list, err := Attached(Item{Raw: []byte(bounce)}, 1<<20); err != nil || len(list) != 0 {
		t.Errorf("%d messages out of a bounce, %v", len(list), err)
	}
	digest := ofParts("digest", "multipart/digest", "\r\n"+plainMail("one"), "\r\n"+plainMail("two"))
	if list, err := Attached(Item{Raw: []byte(digest)}, 1<<20); err != nil || len(list) != 2 {
		t.Errorf("%d messages out of a digest, %v", len(list), err)
	}
}

// TestNestedResumes ends a run behind each item in turn: the next one begins with
// a message that was not handed on with all that is attached to it.
func TestNestedResumes(t *testing.T) {
	forward := ofParts("forward", "multipart/mixed", "Content-Type: message/rfc822\r\n\r\n"+plainMail("a"), "Content-Type: message/rfc822\r\n\r\n"+plainMail("b"))
	sep := "From ann@example.com Tue Mar  4 05:06:07 2031\r\n"
	path := filepath.Join(t.TempDir(), "box.mbox")
	if err := os.WriteFile(path, []byte(sep+plainMail("first")+"\r\n"+sep+forward+"\r\n"+sep+plainMail("last")+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := []string{"first", "forward", "a", "b", "last"}
	from := []int{1, 1, 1, 4, 5} // where the next run begins
	for stop := range whole {
		var at Position
		run := func(resume bool, stop int) (got []string) {
			cfg := Config{Nested: true}
			if resume {
				cfg.Resume = func(string) (Position, bool) { return at, true }
			}
			_ = Walk(context.Background(), []string{path}, cfg, func(i Item) error {
				got = append(got, see(t, i.Raw).subject)
				at = i.Position
				if len(got) == stop {
					return os.ErrClosed
				}
				return nil
			}, func(p Problem) { t.Error(p) })
			return got
		}
		if got := run(false, stop+1); !slices.Equal(got, whole[:stop+1]) {
			t.Fatalf("first run: %q", got)
		}
		if got := run(true, 99); !slices.Equal(got, whole[from[stop]:]) {
			t.Errorf("ended behind %q: the next run reads %q, want %q", whole[stop], got, whole[from[stop]:])
		}
	}
}
