package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) Secret {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return Secret(file)
	}
	for _, c := range []struct {
		s    Secret
		want string // the secret, or after "!" part of the error
	}{
		{write("a", "pass word\n", 0o600), "pass word"},
		{write("b", "pass word\r\n", 0o400), "pass word"},
		{write("c", "hunter-2", 0o640), "!chmod 600"},
		{write("d", "hunter-2", 0o604), "!chmod 600"},
		{write("e", "\n", 0o600), "!empty"},
		{write("f", "hunter-2\nhunter-3\n", 0o600), "!more than one line"},
		{write("g", strings.Repeat("hunter-2", 9000), 0o600), "!larger than any secret"},
		{Secret(filepath.Join(dir, "none")), "!no such file"},
		{Secret(dir), "!no regular file"},
		{"", "!no file"},
	} {
		got, err := c.s.Read()
		if part, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%s: got %q, %v, want %q", c.s, got, err, part)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v", c.s, got, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "x": 0, "99999999999999": longestAfter, "999999999999999999999999": 0,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, time.Now()); got < 0 || got > longestAfter {
			t.Errorf("%q: %v", value, got)
		}
	})
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	for kind := Temporary; kind <= Permanent; kind++ {
		var b Backoff
		for n := range 100 {
			d := b.Next(&Failure{Kind: kind})
			want := steps[kind].longest
			if n < 10 {
				want = min(steps[kind].first<<n, want)
			}
			if d < want/2 || d > want {
				t.Errorf("%v: wait %d is %v, want about %v", kind, n+1, d, want)
			}
		}
	}
	var b Backoff
	if d := b.Next(&Failure{Kind: Throttled, After: time.Minute}); d < time.Minute || d > 67*time.Second+time.Second {
		t.Errorf("asked for a minute: %v", d)
	}
	if d := b.Next(&Failure{Kind: Throttled, After: 365 * 24 * time.Hour}); d > 27*time.Hour {
		t.Errorf("asked for a year: %v", d)
	}
}

func TestFailures(t *testing.T) {
	list := Failures(errors.Join(
		&Failure{Kind: Refused, Mailbox: "a", Err: errors.New("no"), Remedy: "check password_file"},
		fmt.Errorf("open INBOX: %w", Fail(Throttled, "", "slow")),
		errors.New("something else"), context.DeadlineExceeded,
	))
	var got []string
	for _, f := range list {
		got = append(got, f.Kind.String()+" "+f.Error())
	}
	want := "refused a: no; check password_file|throttled open INBOX: slow|permanent something else|temporary context deadline exceeded"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			f     *Failure
			tries int
		}{{Fail(Temporary, "", "x"), 5}, {Fail(Refused, "", "x"), 1}, {&Failure{Kind: Throttled, After: 2 * time.Hour, Err: errors.New("x")}, 1}} {
			n := 0
			err := Retry(t.Context(), 5, func(context.Context) error { n++; return c.f })
			if err == nil || n != c.tries {
				t.Errorf("%v: %d attempts, %v", c.f.Kind, n, err)
			}
		}
	})
}
