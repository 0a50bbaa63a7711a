package web

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestActs: what a form sends is what the desk is asked to do, and where one is
// led then; what is missing is said at its field.
func TestActs(t *testing.T) {
	why := []string{"Same page behind both."}
	for _, c := range []struct {
		name, path string
		form       url.Values
		want       string // what the desk did; "" is nothing
		status     int
		next       string // address, or text of the page that says what is wrong
	}{
		{"merge from the list", "/campaigns/campaign:1/merge", url.Values{"version": {"7"}, "into": {"campaign:2 9"}, "why": why}, "merge campaign:1@7 into campaign:2@9: Same page behind both.", 303, "/campaigns/campaign:2?done=merged"},
		{"merge by id", "/campaigns/campaign:1/merge", url.Values{"version": {"7"}, "into": {"campaign:2 9"}, "other": {" campaign:3 "}, "why": why}, "merge campaign:1@7 into campaign:3@0: Same page behind both.", 303, "/campaigns/campaign:3?done=merged"},
		{"merge with itself", "/campaigns/campaign:1/merge", url.Values{"version": {"7"}, "other": {"campaign:1"}, "why": why}, "", 422, "cannot be merged with itself"},
		{"merge into nothing", "/campaigns/campaign:1/merge", url.Values{"why": why}, "", 422, "Choose the campaign"},
		{"merge without a reason", "/campaigns/campaign:1/merge", url.Values{"other": {"campaign:2"}, "why": {"  "}}, "", 422, "Say why"},
		{"split", "/campaigns/campaign:1/split", url.Values{"version": {"7"}, "event": {"event:1", "event:4"}, "why": why}, "split campaign:1@7 [event:1 event:4]: Same page behind both.", 303, "/campaigns/campaign:0042?done=split"},
		{"split nothing", "/campaigns/campaign:1/split", url.Values{"version": {"7"}, "why": why}, "", 422, "Tick the events"},
		{"draft", "/campaigns/campaign:1/notices", nil, "draft for campaign:1", 303, "/notices?campaign=campaign%3A1&done=drafted&n=4"},
		{"approve", "/notices/notice:1/approve", url.Values{"version": {"5"}}, "approve notice:1@5", 303, "/notices/notice:1?done=approved"},
		{"send", "/notices/notice:1/send", url.Values{"version": {"5"}}, "send notice:1@5", 303, "/notices/notice:1?done=sent"},
		{"delay", "/notices/notice:1/delay", url.Values{"version": {"5"}, "until": {"2026-05-06T10:00"}, "why": why}, "delay until 2026-05-06T10:00:00Z (Same page behind both.) notice:1@5", 303, "/notices/notice:1?done=delayed"},
		{"delay into the past", "/notices/notice:1/delay", url.Values{"until": {"2026-05-04T14:05"}, "why": why}, "", 422, "That time has passed"},
		{"delay for ever", "/notices/notice:1/delay", url.Values{"why": why}, "", 422, "Say until when"},
		{"delay without a reason", "/notices/notice:1/delay", url.Values{"until": {"2026-05-06 10:00"}}, "", 422, "Say why"},
		{"told", "/notices/notice:1/told", url.Values{"version": {"5"}, "how": {"telephone"}, "note": {"spoke to her"}}, "told telephone at 2026-05-04T14:05:00Z (spoke to her) notice:1@5", 303, "/notices/notice:1?done=told"},
		{"told somehow", "/notices/notice:1/told", url.Values{"how": {"pigeon"}}, "", 422, "Say how they were told"},
		{"told tomorrow", "/notices/notice:1/told", url.Values{"how": {"printed"}, "when": {"2026-05-05 10:00"}}, "", 422, "has not come yet"},
		{"ask", "/break-glass", url.Values{"subject": {"finding:1"}, "hours": {"4"}, "why": why}, "ask finding:1 for 4h0m0s: Same page behind both.", 303, "/audit?done=asked"},
		{"ask for a year", "/break-glass", url.Values{"subject": {"finding:1"}, "hours": {"8760"}, "why": why}, "", 422, "between 1 and 72"},
		{"grant", "/break-glass/request:1", url.Values{"version": {"2"}, "grant": {"yes"}}, "decide request:1@2 grant true: ", 303, "/audit?done=decided"},
		{"refuse without a reason", "/break-glass/request:1", url.Values{"version": {"2"}, "grant": {"no"}}, "", 422, "Say why"},
		{"undo", "/campaigns/campaign:1/undo", url.Values{"version": {"7"}, "decision": {"3"}, "why": why}, "undo 3 in campaign:1@7: Same page behind both.", 303, "/campaigns/campaign:1?done=undone"},
		{"undo nothing", "/campaigns/campaign:1/undo", url.Values{"version": {"7"}, "why": why}, "", 422, "Choose what to take back"},
		{"undo without a reason", "/campaigns/campaign:1/undo", url.Values{"version": {"7"}, "decision": {"3"}}, "", 422, "Say why"},
		{"evidence", "/campaigns/campaign:1/evidence", url.Values{"version": {"12"}, "proposition": {"accessed"}, "note": {"The provider saw a sign-in."}, "origin": {"provider"}, "source": {"B"}, "content": {"2"}, "vertex": {"victim"}, "likelihood:holds": {"expected"}, "likelihood:none": {"rare"}},
			"weigh campaign:1@12 accessed: The provider saw a sign-in. (provider via , B2, victim) map[holds:expected none:rare] ", 303, "/campaigns/campaign:1?done=weighed#assessment"},
		{"evidence without a grade", "/campaigns/campaign:1/evidence", url.Values{"proposition": {"accessed"}, "note": {"The provider saw a sign-in."}, "origin": {"provider"}, "content": {"2"}}, "", 422, "Grade the source"},
		{"evidence for nothing", "/campaigns/campaign:1/evidence", url.Values{"proposition": {"accessed"}, "note": {"The provider saw a sign-in."}, "origin": {"provider"}, "source": {"B"}, "content": {"2"}, "vertex": {"victim"}, "likelihood:holds": {""}}, "", 422, "at least one answer"},
		{"end a delay", "/notices/notice:1/resume", url.Values{"version": {"5"}}, "end the delay of notice:1@5", 303, "/notices/notice:1?done=resumed"},
		{"withdraw", "/notices/notice:1/withdraw", url.Values{"version": {"5"}, "why": why}, "withdraw (Same page behind both.) notice:1@5", 303, "/notices/notice:1?done=withdrawn"},
		{"withdraw without a reason", "/notices/notice:1/withdraw", url.Values{"version": {"5"}}, "", 422, "Say why"},
		{"settle", "/notices/notice:1/settle", url.Values{"version": {"5"}, "arrived": {"yes"}, "why": why}, "settle true (Same page behind both.) notice:1@5", 303, "/notices/notice:1?done=settled"},
		{"settle nothing", "/notices/notice:1/settle", url.Values{"version": {"5"}, "why": why}, "", 422, "Say whether it arrived"},
		{"suspect an account", "/people/person:1/account", url.Values{"suspected": {"yes"}, "why": why}, "account of person:1 suspected true: Same page behind both.", 303, "/people/person:1?done=suspected"},
		{"clear an account", "/people/person:1/account", url.Values{"suspected": {"no"}, "why": why}, "account of person:1 suspected false: Same page behind both.", 303, "/people/person:1?done=cleared"},
		{"an account without a reason", "/people/person:1/account", url.Values{"suspected": {"yes"}}, "", 422, "Say why"},
		{"ask to hunt", "/hunts", url.Values{"q": {" who@mail.example "}, "why": why}, `ask to hunt "who@mail.example": Same page behind both.`, 303, "/hunt?done=hunt-asked"},
		{"ask to hunt without a purpose", "/hunts", url.Values{"q": {"who@mail.example"}}, "", 422, "Say why"},
		{"agree to a hunt", "/hunts/hunt:1", url.Values{"grant": {"yes"}}, "decide hunt hunt:1 grant true: ", 303, "/?done=decided"},
		{"refuse a hunt without a reason", "/hunts/hunt:1", url.Values{"grant": {"no"}}, "", 422, "Say why you refuse"},
		{"hold", "/people/person:1/hold", url.Values{"version": {"3"}, "set": {"yes"}, "why": why}, "hold person:1@3 set true: Same page behind both.", 303, "/people/person:1?done=held"},
		{"a form without end", "/notices/notice:1/told", url.Values{"note": {strings.Repeat("x", maxForm+1)}}, "", 422, "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeDesk{}
			w := post(t, newDesk(t, f), c.path, c.form)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if got := strings.Join(f.acts, "\n"); got != c.want {
				t.Errorf("did %q, want %q", got, c.want)
			}
			if where := w.Header().Get("Location"); c.status == 303 && where != c.next {
				t.Errorf("leads to %q, want %q", where, c.next)
			}
			if c.status != 303 && !strings.Contains(w.Body.String(), c.next) {
				t.Errorf("the page does not say %q", c.next)
			}
		})
	}
}

// TestFailedActs: what the desk answers becomes a page of its own or the form again.
func TestFailedActs(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		says   []string
	}{
		{&ConflictError{"Chiara Marchetti", fakeNow, "split it"}, 409, []string{"Somebody else was faster", "Chiara Marchetti", "split it", "Nothing of yours was done", "My reason, typed"}},
		{&InvalidError{"why", "Say more."}, 422, []string{"Say more.", `href="#merge-why"`, "My reason, typed"}},
		{&ForbiddenError{Why: "Only analysts merge."}, 403, []string{"Only analysts merge."}},
		{ErrNotFound, 404, []string{"Not found"}},
		{ErrUnavailable, 503, []string{"The store does not answer", "nothing was done"}},
		{http.ErrHandlerTimeout, 500, []string{"Something went wrong", "Number"}},
	} {
		f := &fakeDesk{}
		f.fail(c.err)
		w := post(t, newDesk(t, f), "/campaigns/campaign:1/merge", url.Values{"version": {"7"}, "other": {"campaign:2"}, "why": {"My reason, typed"}})
		if w.Code != c.status {
			t.Errorf("%v: status %d, want %d", c.err, w.Code, c.status)
		}
		for _, says := range c.says {
			if !strings.Contains(w.Body.String(), says) {
				t.Errorf("%v: the page does not say %q", c.err, says)
			}
		}
		if len(f.acts) != 0 {
			t.Errorf("%v: did %q", c.err, f.acts)
		}
	}
}

func TestAddIndicators(t *testing.T) {
	send := func(f *fakeDesk, fields map[string]string, file string) *httptest.ResponseRecorder {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		for name, value := range fields {
			if err := m.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		if part, err := m.CreateFormFile("feed", "march.json"); err != nil {
			t.Fatal(err)
		} else if _, err := part.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
		_ = m.Close()
		r := httptest.NewRequest("POST", "/indicators", &body)
		r.Header.Set("Content-Type", m.FormDataContentType())
		w := httptest.NewRecorder()
		newDesk(t, f).ServeHTTP(w, r)
		return w
	}
	f := &fakeDesk{}
	w := send(f, map[string]string{"patterns": "a.example\nb.example", "source": "partner-x", "marking": "amber", "campaign": "campaign:1", "anyway": "yes"}, `{"a":1}`)
	want := `indicators "a.example\nb.example" feed march.json (7 bytes) from partner-x marked amber for campaign:1 anyway true`
	if w.Code != 200 || !slices.Contains(f.acts, want) {
		t.Errorf("status %d, did %q, want %q", w.Code, f.acts, want)
	}
	for _, says := range []string{"2 indicators added", "41 sightings", "3 people were reached whom no finding had named", "matches nearly everything", "38,112"} {
		if !strings.Contains(w.Body.String(), says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	for _, c := range []struct {
		fields map[string]string
		says   string
	}{
		{map[string]string{"source": "x", "marking": "red"}, "Type at least one indicator"},
		{map[string]string{"patterns": "a.example", "marking": "red"}, "Say who told you"},
		{map[string]string{"patterns": "a.example", "source": "x"}, "Choose the marking"},
	} {
		f := &fakeDesk{}
		if w := send(f, c.fields, ""); w.Code != 422 || !strings.Contains(w.Body.String(), c.says) || len(f.acts) != 0 {
			t.Errorf("%v: status %d, did %q", c.fields, w.Code, f.acts)
		}
	}
	if w := send(&fakeDesk{}, map[string]string{"source": "x", "marking": "red"}, strings.Repeat("x", MaxFeed+maxForm)); w.Code != 422 || !strings.Contains(w.Body.String(), "larger than") {
		t.Errorf("a feed without end: status %d", w.Code)
	}
}
