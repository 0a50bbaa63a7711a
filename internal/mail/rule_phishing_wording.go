package mail

import (
	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/people"
)

// pretext tells whether the mail speaks of anything fraud speaks of.
func (s *spoken) pretext() bool {
	return s.count[roleAccount]+s.count[rolePrize]+s.count[roleParcel]+s.count[roleFee]+s.count[roleCrypto]+s.count[roleCallback] > 0
}

// per is how many distinct phrases of a role there are in a hundred words.
func (s *spoken) per(r role) float64 {
	return float64(s.count[r]) * 100 / float64(len(s.words)+30)
}

// wordingTraits look for the parts that make up a fraud. One phrase alone means
// little: newsletters promise prizes, banks write of accounts. What tells is
// how much of a mail consists of them, and which come together.
func (in *Input) wordingTraits(t *tally) {
	s := in.speech()
	in.topics(t, s)
	in.frauds(t, s)
	if s.count[roleUrgent] > 0 {
		t.add(wordUrgent, in.spanEvidence(s.first[roleUrgent], in.spanText(s.first[roleUrgent])))
	}
	if s.count[roleGreeting] > 0 {
		t.add(wordGreeting, in.spanEvidence(s.first[roleGreeting], in.spanText(s.first[roleGreeting])))
	}
	if s.count[roleClick] > 0 && in.linkView().web > 0 {
		t.add(wordClick, in.spanEvidence(s.first[roleClick], in.spanText(s.first[roleClick])))
	}
	bait := s.subject[roleAccount] + s.subject[rolePrize] + s.subject[roleParcel] + s.subject[roleFee] + s.subject[roleFortune] + s.subject[roleExtortion] + s.subject[roleCrypto] + s.subject[roleJunk] + s.subject[roleUrgent]
	if bait >= 1 {
		t.add(wordSubject, in.HeaderEvidence("Subject", 0, "")) // its words stay in the message: a note is stored
		if people.Freemail(in.SenderDomain) && len(in.M.References()) == 0 {
			t.add(senderBait, in.HeaderEvidence("From", 0, in.Sender.Addr))
		}
	}
	claim := s.count[roleAccount] + s.count[roleParcel] + s.count[roleFee] + s.count[rolePrize] + s.count[roleCrypto]
	if claim > 0 && s.count[roleUrgent] > 0 && s.count[roleClick] > 0 && in.linkView().own == 0 && len(s.words) < 500 {
		t.add(wordPlot, portcullis.Evidence{Part: in.textPath()})
	}
}

// topics are roles that ordinary mail has too; much of one is another matter.
func (in *Input) topics(t *tally, s *spoken) {
	for _, topic := range []struct {
		role      role
		one, much trait
	}{
		{roleAccount, wordAccount, wordAccountMuch}, {rolePrize, wordPrize, wordPrizeMuch}, {roleParcel, wordParcel, wordParcelMuch},
		{roleCrypto, wordCrypto, wordCryptoMuch}, {roleJunk, wordJunk, wordJunkMuch}, {roleFee, wordFee, wordFee},
	} {
		if s.count[topic.role] == 0 {
			continue
		}
		e := in.spanEvidence(s.first[topic.role], in.spanText(s.first[topic.role]))
		t.add(topic.one, e)
		if s.count[topic.role] >= 2 && s.per(topic.role) >= 1.5 {
			t.add(topic.much, e)
		}
	}
	if s.count[roleAccount] > 0 && s.count[roleUrgent] > 0 && len(s.words) < 600 {
		t.add(wordAccountUrgent, in.spanEvidence(s.first[roleUrgent], in.spanText(s.first[roleUrgent])))
	}
}

// frauds that need no link: other people's money, threats, calls.
func (in *Input) frauds(t *tally, s *spoken) {
	if n := s.count[roleFortune]; n > 0 {
		e := in.spanEvidence(s.first[roleFortune], in.spanText(s.first[roleFortune]))
		t.add(wordFortune, e)
		if n >= 3 && s.per(roleFortune) >= 0.7 {
			t.add(wordFortuneMuch, e)
		}
	}
	if n := s.count[roleExtortion]; n >= 4 && s.per(roleExtortion) >= 0.6 {
		t.add(wordExtortion, in.spanEvidence(s.first[roleExtortion], in.spanText(s.first[roleExtortion])))
	}
	if n := s.count[roleCallback]; n >= 3 && s.per(roleCallback) >= 1 && in.phoneNumber() {
		t.add(wordCallback, in.spanEvidence(s.first[roleCallback], in.spanText(s.first[roleCallback])))
	}
}

// phoneNumber finds ten to fourteen digits set as a telephone number is.
func (in *Input) phoneNumber() bool {
	digits, length := 0, 0
	text := clipText(in.Body, 8000)
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
			length++
		case digits > 0 && (c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '+'):
			length++
		default:
			if digits >= 10 && digits <= 14 && length > digits {
				return true
			}
			digits, length = 0, 0
		}
	}
	return digits >= 10 && digits <= 14 && length > digits
}
