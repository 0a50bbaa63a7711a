package synth

import (
	"strings"
	"time"
)

// letters are sent within two weeks of the first day. One campaign in two runs
// over a platform that sends for its users and numbers the link in each copy.
func (h *House) letters(d *draw, members []*Person, n int, first time.Time) []Mail {
	t := d.template("letters", "en", "")
	topic := topicIn(one(d, topicKeys()), "en")
	platform := ""
	if d.chance(50) {
		platform = own(d, []string{"act-now.example", "writetothem.example", "postcards.example", "raiseyourvoice.example"})
	}
	var mails []Mail
	for i := range n {
		who := d.stranger(h.cultures)
		p := members[i%len(members)]
		when := first.AddDate(0, 0, d.between(0, 13)).Add(time.Duration(d.IntN(50000)) * time.Second)
		l := letter{from: box{who.full(), d.address(who.given.latin, who.family.latin, freemail)}, when: when, auth: authPass}
		s := append(personal(p.Latin(), who.full()), "{topic}", topic)
		var body string
		l.subject, body = s.template(t)
		l.text = d.letterText("en", d.own(body), s)
		if platform != "" {
			l.replyTo = l.from
			l.from.addr = "campaigns@" + platform
			l.sign, l.mailer = platform, "esp"
			l.text += "\n\nSent with https://" + platform + "/l/" + d.hex(10)
		}
		mails = append(mails, h.deliverTo(d, l, p, Truth{Class: "letters", Campaign: "letters"}))
	}
	return inOrder(mails)
}

// own is what a signatory makes of a ready-made text: nothing, a sentence
// left out, or a sentence of their own.
func (d *draw) own(body string) string {
	sentences := strings.SplitAfter(body, ". ")
	switch k := d.IntN(10); {
	case k < 5 || len(sentences) < 3:
		return body
	case k < 8:
		i := d.IntN(len(sentences))
		return strings.Join(append(append([]string{}, sentences[:i]...), sentences[i+1:]...), "")
	default:
		return body + "\n\n" + one(d, []string{"I have written to you before and never had an answer.", "My neighbours think the same.", "I am a nurse and see every day what this means.", "Please vote with us.", "My family has lived here for four generations."})
	}
}
