package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// maxForm is how large a form may be that carries no file.
const maxForm = 128 << 10

// read parses a form within its limit.
func read(w http.ResponseWriter, r *http.Request, name string) (form, error) {
	limit := int64(maxForm)
	if name == "indicators" {
		limit = MaxFeed + maxForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	err := r.ParseForm() // first and apart: ParseMultipartForm forgets what went wrong in it
	if err == nil {
		if err = r.ParseMultipartForm(1 << 20); errors.Is(err, http.ErrNotMultipart) {
			err = nil
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return form{}, &InvalidError{Why: fmt.Sprintf("What was sent is larger than %s bytes.", thousands(int(limit)))}
	}
	if err != nil {
		return form{}, &InvalidError{Why: "The form could not be read. Go back and send it again."}
	}
	return form{Name: name, Values: r.PostForm}, nil
}

// failed turns what a Desk answered into what the form says; false means that
// it needs a page of its own.
func (f form) failed(err error) (form, bool) {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		f.Field, f.Error = invalid.Field, invalid.Why
		return f, true
	}
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		f.Conflict = conflict
		f.Error = "Nothing of yours was done, because the page you saw is no longer how it is."
		return f, true
	}
	return f, false
}

func statusOf(f form) int {
	switch {
	case f.Conflict != nil:
		return http.StatusConflict
	case f.Error != "":
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// act is what every act has in common: read the form, do it, and either go on
// to a page that says what was done or show the form again with what is wrong.
type act struct {
	form string
	do   func(ctx context.Context, f form) (next string, err error)
	back func(w http.ResponseWriter, r *http.Request, f form) error
}

func (a act) serve(w http.ResponseWriter, r *http.Request) error {
	f, err := read(w, r, a.form)
	if err != nil {
		return err
	}
	next, err := a.do(r.Context(), f)
	if err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	if again, ok := f.failed(err); ok && a.back != nil {
		return a.back(w, r, again)
	}
	return err
}

func (s *site) merge(w http.ResponseWriter, r *http.Request) error {
	return act{"merge", func(ctx context.Context, f form) (string, error) {
		into, version := f.Value("into"), 0
		if other := strings.TrimSpace(f.Value("other")); other != "" { // a typed name goes before the list
			into = other
		} else if name, v, ok := strings.Cut(into, " "); ok { // the list says the version that was seen
			into = name
			version, _ = strconv.Atoi(v)
		}
		if into == "" {
			return "", &InvalidError{"into", "Choose the campaign that this one goes into."}
		}
		if err := reason(f); err != nil {
			return "", err
		}
		kept, err := s.Desk.Merge(ctx, MergeAct{id(r), f.version(), portcullis.ID(into), version, f.Value("why")})
		return "/campaigns/" + url.PathEscape(string(kept)) + "?done=merged", err
	}, s.campaignWith}.serve(w, r)
}

func (s *site) split(w http.ResponseWriter, r *http.Request) error {
	return act{"split", func(ctx context.Context, f form) (string, error) {
		var events []portcullis.ID
		for _, e := range f.Values["event"] {
			events = append(events, portcullis.ID(e))
		}
		if len(events) == 0 {
			return "", &InvalidError{"event", "Tick the events that do not belong here."}
		}
		if err := reason(f); err != nil {
			return "", err
		}
		made, err := s.Desk.Split(ctx, SplitAct{id(r), f.version(), events, f.Value("why")})
		return "/campaigns/" + url.PathEscape(string(made)) + "?done=split", err
	}, s.campaignWith}.serve(w, r)
}

func (s *site) undo(w http.ResponseWriter, r *http.Request) error {
	return act{"undo", func(ctx context.Context, f form) (string, error) {
		n, err := strconv.ParseInt(f.Value("decision"), 10, 64)
		if err != nil || n < 1 {
			return "", &InvalidError{"decision", "Choose what to take back."}
		}
		if err := reason(f); err != nil {
			return "", err
		}
		return "/campaigns/" + url.PathEscape(string(id(r))) + "?done=undone", s.Desk.Undo(ctx, UndoAct{id(r), f.version(), n, f.Value("why")})
	}, s.campaignWith}.serve(w, r)
}

// weigh enters evidence. The likelihoods come as one field for each hypothesis, "likelihood:" and its id.
func (s *site) weigh(w http.ResponseWriter, r *http.Request) error {
	return act{"evidence", func(ctx context.Context, f form) (string, error) {
		text := func(name string) string { return strings.TrimSpace(f.Value(name)) }
		a := EvidenceAct{Campaign: id(r), Version: f.version(), Proposition: text("proposition"), Note: text("note"), Origin: text("origin"), Via: text("via"),
			Grade: text("source") + text("content"), Vertex: text("vertex"), Hash: strings.ToLower(text("hash")), Likelihood: map[string]string{}}
		for name := range f.Values {
			if hypothesis, ok := strings.CutPrefix(name, "likelihood:"); ok && f.Value(name) != "" {
				a.Likelihood[hypothesis] = f.Value(name)
			}
		}
		if err := a.check(); err != nil {
			return "", err
		}
		return "/campaigns/" + url.PathEscape(string(id(r))) + "?done=weighed#assessment", s.Desk.Weigh(ctx, a)
	}, func(w http.ResponseWriter, r *http.Request, f form) error {
		f.Name = "evidence-" + f.Value("proposition") // there is one form for each
		return s.campaignWith(w, r, f)
	}}.serve(w, r)
}

func (a EvidenceAct) check() error {
	switch {
	case len(a.Note) < 3:
		return &InvalidError{"note", "Say in a sentence what was seen or said."}
	case a.Origin == "":
		return &InvalidError{"origin", "Say who saw it first-hand: what comes from one origin counts once."}
	case len(a.Grade) != 2:
		return &InvalidError{"grade", "Grade the source and what it says."}
	case a.Vertex == "":
		return &InvalidError{"vertex", "Say what it is about: adversary, capability, infrastructure or victim."}
	case len(a.Likelihood) == 0:
		return &InvalidError{"likelihood", "Say of at least one answer how much it would lead you to expect this. What is left out counts as even."}
	}
	return nil
}

func (s *site) draft(w http.ResponseWriter, r *http.Request) error {
	return act{"draft", func(ctx context.Context, _ form) (string, error) {
		n, err := s.Desk.DraftNotices(ctx, id(r))
		return fmt.Sprintf("/notices?campaign=%s&done=drafted&n=%d", url.QueryEscape(string(id(r))), n), err
	}, s.campaignWith}.serve(w, r)
}

// addIndicators does not redirect: what it came to is a page of its own, and
// doing it twice adds nothing.
func (s *site) addIndicators(w http.ResponseWriter, r *http.Request) error {
	f, err := read(w, r, "indicators")
	if err != nil {
		if f, ok := (form{Name: "indicators"}).failed(err); ok {
			return s.indicatorsWith(w, r, f, nil)
		}
		return err
	}
	a := IndicatorAct{Patterns: f.Value("patterns"), Source: strings.TrimSpace(f.Value("source")), Marking: f.Value("marking"),
		Campaign: portcullis.ID(f.Value("campaign")), Anyway: f.Value("anyway") == "yes"}
	if a.FeedName, a.Feed, err = feedFile(r); err == nil {
		err = a.check()
	}
	var added Added
	if err == nil {
		added, err = s.Desk.AddIndicators(r.Context(), a)
	}
	if err != nil {
		if f, ok := f.failed(err); ok {
			return s.indicatorsWith(w, r, f, nil)
		}
		return err
	}
	return s.indicatorsWith(w, r, form{}, &added)
}

func (a IndicatorAct) check() error {
	switch {
	case strings.TrimSpace(a.Patterns) == "" && len(a.Feed) == 0:
		return &InvalidError{"patterns", "Type at least one indicator, or choose a file."}
	case a.Source == "":
		return &InvalidError{"source", "Say who told you: it decides whom it may be shared with."}
	case a.Marking == "":
		return &InvalidError{"marking", "Choose the marking it came with; if it had none, choose amber."}
	}
	return nil
}

// feedFile reads the file of the form, if one was chosen.
func feedFile(r *http.Request) (name string, content []byte, err error) {
	if r.MultipartForm == nil || len(r.MultipartForm.File["feed"]) == 0 {
		return "", nil, nil
	}
	h := r.MultipartForm.File["feed"][0]
	if h.Size > MaxFeed {
		return "", nil, &InvalidError{"feed", fmt.Sprintf("The file is larger than %d MB. Use “portcullis indicators add” for it.", MaxFeed>>20)}
	}
	f, err := h.Open()
	if err != nil {
		return "", nil, fmt.Errorf("open the feed that was sent: %w", err)
	}
	defer func() { _ = f.Close() }() // it was read only
	if content, err = io.ReadAll(io.LimitReader(f, MaxFeed)); err != nil {
		return "", nil, fmt.Errorf("read the feed that was sent: %w", err)
	}
	return h.Filename, content, nil
}

func (s *site) approve(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("approve", "approved", func(ctx context.Context, f form, n NoticeAct) error { return s.Desk.Approve(ctx, n) })(w, r)
}

func (s *site) send(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("send", "sent", func(ctx context.Context, f form, n NoticeAct) error { return s.Desk.Send(ctx, n) })(w, r)
}

func (s *site) delay(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("delay", "delayed", func(ctx context.Context, f form, n NoticeAct) error {
		until, err := s.instant(f.Value("until"))
		if err != nil || until.IsZero() {
			return &InvalidError{"until", "Say until when: a day and a time, as 2026-05-31 14:00."}
		}
		if !until.After(s.Now()) {
			return &InvalidError{"until", "That time has passed. A delay ends in the future."}
		}
		if err := reason(f); err != nil {
			return err
		}
		return s.Desk.Delay(ctx, DelayAct{n, until, f.Value("why")})
	})(w, r)
}

func (s *site) told(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("told", "told", func(ctx context.Context, f form, n NoticeAct) error {
		how := f.Value("how")
		if oneOf(how, "", "telephone", "in person", "printed") == "" {
			return &InvalidError{"how", "Say how they were told."}
		}
		when, err := s.instant(f.Value("when"))
		switch {
		case err != nil:
			return &InvalidError{"when", "Write when as 2026-05-31 14:00, or leave it empty for now."}
		case when.IsZero():
			when = s.Now().UTC()
		case when.After(s.Now().Add(time.Minute)):
			return &InvalidError{"when", "That time has not come yet."}
		}
		return s.Desk.MarkTold(ctx, ToldAct{n, how, when, f.Value("note")})
	})(w, r)
}

func (s *site) endDelay(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("resume", "resumed", func(ctx context.Context, _ form, n NoticeAct) error { return s.Desk.EndDelay(ctx, n) })(w, r)
}

func (s *site) withdraw(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("withdraw", "withdrawn", func(ctx context.Context, f form, n NoticeAct) error {
		if err := reason(f); err != nil {
			return err
		}
		return s.Desk.Withdraw(ctx, WithdrawAct{n, f.Value("why")})
	})(w, r)
}

func (s *site) settle(w http.ResponseWriter, r *http.Request) error {
	return s.noticeAct("settle", "settled", func(ctx context.Context, f form, n NoticeAct) error {
		arrived := f.Value("arrived")
		if oneOf(arrived, "", "yes", "no") == "" {
			return &InvalidError{"arrived", "Say whether it arrived."}
		}
		if err := reason(f); err != nil {
			return err
		}
		return s.Desk.Settle(ctx, SettleAct{n, arrived == "yes", f.Value("why")})
	})(w, r)
}

func (s *site) account(w http.ResponseWriter, r *http.Request) error {
	return act{"account", func(ctx context.Context, f form) (string, error) {
		if err := reason(f); err != nil {
			return "", err
		}
		suspected := f.Value("suspected") == "yes"
		done := map[bool]string{true: "suspected", false: "cleared"}[suspected]
		return "/people/" + url.PathEscape(string(id(r))) + "?done=" + done, s.Desk.Account(ctx, AccountAct{id(r), suspected, f.Value("why")})
	}, s.personWith}.serve(w, r)
}

func (s *site) askHunt(w http.ResponseWriter, r *http.Request) error {
	return act{"personal", func(ctx context.Context, f form) (string, error) {
		if strings.TrimSpace(f.Value("q")) == "" {
			return "", &InvalidError{"q", "Say what to look for."}
		}
		if err := reason(f); err != nil {
			return "", err
		}
		_, err := s.Desk.AskHunt(ctx, HuntAct{strings.TrimSpace(f.Value("q")), f.Value("why")})
		return "/hunt?done=hunt-asked", err
	}, s.huntWith}.serve(w, r)
}

func (s *site) decideHunt(w http.ResponseWriter, r *http.Request) error {
	return act{"decide-hunt", func(ctx context.Context, f form) (string, error) {
		a := DecideAct{Request: id(r), Grant: f.Value("grant") == "yes", Why: f.Value("why")}
		if !a.Grant && reason(f) != nil {
			return "", &InvalidError{Why: "Say why you refuse, in a sentence. It is kept."}
		}
		return "/?done=decided", s.Desk.DecideHunt(ctx, a)
	}, s.situationWith}.serve(w, r)
}

func (s *site) noticeAct(name, done string, do func(context.Context, form, NoticeAct) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return act{name, func(ctx context.Context, f form) (string, error) {
			return "/notices/" + url.PathEscape(string(id(r))) + "?done=" + done, do(ctx, f, NoticeAct{id(r), f.version()})
		}, s.noticeWith}.serve(w, r)
	}
}

func (s *site) hold(w http.ResponseWriter, r *http.Request) error {
	return act{"hold", func(ctx context.Context, f form) (string, error) {
		if err := reason(f); err != nil {
			return "", err
		}
		set := f.Value("set") == "yes"
		done := map[bool]string{true: "held", false: "lifted"}[set]
		return "/people/" + url.PathEscape(string(id(r))) + "?done=" + done, s.Desk.Hold(ctx, HoldAct{id(r), f.version(), set, f.Value("why")})
	}, s.personWith}.serve(w, r)
}

func (s *site) askBreakGlass(w http.ResponseWriter, r *http.Request) error {
	return act{"break-glass", func(ctx context.Context, f form) (string, error) {
		if f.Value("subject") == "" {
			return "", &InvalidError{"subject", "Say what you have to see: a finding's, event's or person's id."}
		}
		if err := reason(f); err != nil {
			return "", err
		}
		hours, err := strconv.Atoi(f.Value("hours"))
		if err != nil || hours < 1 || hours > 72 {
			return "", &InvalidError{"hours", "Choose between 1 and 72 hours."}
		}
		_, err = s.Desk.AskBreakGlass(ctx, BreakGlassAct{portcullis.ID(f.Value("subject")), f.Value("why"), time.Duration(hours) * time.Hour})
		return "/audit?done=asked", err
	}, s.auditWith}.serve(w, r)
}

func (s *site) decideBreakGlass(w http.ResponseWriter, r *http.Request) error {
	return act{"decide", func(ctx context.Context, f form) (string, error) {
		a := DecideAct{id(r), f.version(), f.Value("grant") == "yes", f.Value("why")}
		if !a.Grant && reason(f) != nil { // there is one such field per request: none to point to
			return "", &InvalidError{Why: "Say why you refuse, in a sentence. It is kept."}
		}
		return "/audit?done=decided", s.Desk.DecideBreakGlass(ctx, a)
	}, s.auditWith}.serve(w, r)
}

// reason asks for one: whoever reads the record later has nothing else.
func reason(f form) error {
	if len(strings.TrimSpace(f.Value("why"))) < 3 {
		return &InvalidError{"why", "Say why, in a sentence. It is kept."}
	}
	return nil
}

func (f form) version() int {
	n, _ := strconv.Atoi(f.Value("version")) // no version is one that nobody saw: a conflict
	return n
}

// instant reads a time as browsers send it and as people type it.
func (s *site) instant(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, s.Zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("not a day and a time")
}

// done is the sentence for what an act came to. Only these can be shown: the
// address of a page is anybody's to write.
func done(r *http.Request) string {
	get := r.URL.Query()
	if get.Get("done") == "drafted" {
		n, _ := strconv.Atoi(get.Get("n"))
		return fmt.Sprintf("%s drafted. Each needs an approver before it leaves the house.", plural(min(max(n, 0), 1e6), "notice was", "notices were"))
	}
	return map[string]string{
		"merged":     "The campaigns are one now. It can be taken back under “Merge, split”.",
		"split":      "The events you ticked are a campaign of their own now. The machine will not put them back.",
		"moved":      "The campaign you asked for was merged into this one.",
		"approved":   "The notice is approved. It can be sent now.",
		"sent":       "The notice was handed to the mail server. The clock has stopped.",
		"delayed":    "The notice is delayed. It comes back to the top when the delay ends.",
		"told":       "It is recorded that the person was told. The clock has stopped.",
		"held":       "The privilege hold is set. Nobody can open this person's mail here.",
		"lifted":     "The privilege hold is lifted.",
		"asked":      "The request is made. Somebody else has to approve it.",
		"decided":    "Your decision is recorded.",
		"undone":     "It is taken back. The machine is free again to judge by the evidence.",
		"weighed":    "The evidence is entered under your name, and everything is weighed anew.",
		"resumed":    "The delay is ended. The clock runs again.",
		"withdrawn":  "The notice is withdrawn. It will not leave, and these events are not drafted again.",
		"settled":    "What you found out is recorded.",
		"suspected":  "The account is marked: no notice goes there by mail until somebody clears it.",
		"cleared":    "The account is cleared. Notices may go there by mail again.",
		"hunt-asked": "The hunt is asked for. Somebody else has to agree before it can be run.",
	}[get.Get("done")]
}
