package mail

// trait is one sign of ordinary phishing.
type trait uint8

const (
	linkMismatch trait = iota
	linkMismatchTracked
	linkUserinfo
	linkIP
	linkPunycode
	linkShort
	linkRedirect
	linkBucket
	linkHosting
	linkForm
	linkGateway
	linkCheap
	linkFragment
	linkRecipient
	linkOdd
	linkDeep
	linkMailto
	linkQR
	linkElsewhere
	linkOneURL
	linkSpray
	linkScheme
	linkPort
	linkLogin
	formPassword
	formAny
	formScript
	formAttached
	formSmuggling
	formRedirect
	formPage
	brandName
	brandLocal
	brandSubject
	brandBody
	brandHost
	senderNone
	senderNoTLD
	senderMalformed
	senderCheap
	senderOdd
	senderHosting
	senderReply
	senderReplyFree
	senderID
	senderNoID
	senderIDOdd
	senderFancy
	senderAddressName
	senderFreemail
	senderMarks
	layoutImage
	layoutFew
	layoutHidden
	layoutHiddenMuch
	layoutBlind
	layoutMixed
	layoutFancySubject
	layoutFancyBody
	layoutEncoded
	layoutPlaceholder
	layoutEmojiSubject
	layoutPadding
	layoutDigest
	layoutHTMLOnly
	layoutBroken
	layoutNumbers
	subjectRecipient
	subjectReply
	subjectCode
	bodyRecipient
	wordAccount
	wordAccountMuch
	wordAccountUrgent
	wordUrgent
	wordPrize
	wordPrizeMuch
	wordParcel
	wordParcelMuch
	wordFee
	wordFortune
	wordFortuneMuch
	wordExtortion
	wordCrypto
	wordCryptoMuch
	wordJunk
	wordJunkMuch
	wordCallback
	wordGreeting
	wordClick
	wordSubject
	wordPlot
	senderBait
	attachLure
	mannerKnown
	mannerThread
	mannerList
	mannerQuote
	mannerLong
	traits
)

// traitTable gives the points.
var traitTable = [traits]traitInfo{
	linkMismatch:        {"link text", 20, "a link reads as one address and leads to another"},
	linkMismatchTracked: {"tracked link text", 2, "a link reads as one address and passes through another"},
	linkUserinfo:        {"userinfo", 30, "a link shows a name before the @ that is not where it leads"},
	linkIP:              {"numeric host", 20, "a link leads to a bare IP address"},
	linkPunycode:        {"imitated letters", 20, "a host name mixes alphabets"},
	linkShort:           {"shortener", 16, "a link shortener hides the target"},
	linkRedirect:        {"redirector", 12, "somebody else's redirector hides the target"},
	linkBucket:          {"storage bucket", 22, "the page lies in rented storage"},
	linkHosting:         {"free hosting", 16, "the page lies on hosting that anybody can have"},
	linkForm:            {"form builder", 8, "the page is an anonymous form"},
	linkGateway:         {"gateway", 25, "the page lies in a nameless store"},
	linkCheap:           {"cheap domain", 12, "it leads to a suffix that costs next to nothing"},
	linkFragment:        {"fragment data", 12, "the part of a link that no server sees carries data"},
	linkRecipient:       {"recipient in link", 2, "a link carries the reader's address"},
	linkOdd:             {"random host", 10, "a host name is a random string"},
	linkDeep:            {"deep host", 6, "a host name has unusually many labels"},
	linkMailto:          {"mailto button", 16, "what looks like a button writes to a free mailbox"},
	linkQR:              {"qr code", 20, "a picture holds a code to scan"},
	linkElsewhere:       {"foreign links", 8, "no link leads to the sender's own domain"},
	linkOneURL:          {"one target", 8, "everything to click leads to one and the same place"},
	linkSpray:           {"random path", 10, "links consist of long random strings"},
	linkScheme:          {"data link", 25, "a link carries a page or script in itself"},
	linkPort:            {"odd port", 6, "a link names an unusual port"},
	linkLogin:           {"foreign login", 10, "a login page of another than the sender"},
	formPassword:        {"password form", 30, "the mail asks for a password"},
	formAny:             {"form", 1, "the mail holds a form"},
	formScript:          {"script", 8, "the mail holds script"},
	formAttached:        {"attached form", 40, "an attached page asks for a password"},
	formSmuggling:       {"smuggling", 40, "an attached page assembles hidden content"},
	formRedirect:        {"attached redirect", 20, "an attached page leads on by itself"},
	formPage:            {"attached page", 14, "a web page is attached"},
	brandName:           {"borrowed name", 28, "the sender calls itself a well-known name it is not"},
	brandLocal:          {"borrowed local part", 8, "a well-known name stands before the @"},
	brandSubject:        {"borrowed subject", 14, "the subject speaks for a well-known name"},
	brandBody:           {"borrowed text", 8, "the text speaks for a well-known name"},
	brandHost:           {"borrowed host", 24, "a well-known name is part of another's host name"},
	senderNone:          {"no sender", 20, "no usable address"},
	senderNoTLD:         {"impossible domain", 24, "a domain that cannot exist"},
	senderMalformed:     {"malformed sender", 18, "an address no mail program writes"},
	senderCheap:         {"cheap sender", 14, "a domain under a suffix that costs next to nothing"},
	senderOdd:           {"random sender", 6, "a random string for an address or domain"},
	senderHosting:       {"hosted sender", 14, "an address on hosting that anybody can have"},
	senderReply:         {"reply elsewhere", 2, "answers go to another domain"},
	senderReplyFree:     {"reply to freemail", 8, "answers go to a free mailbox"},
	senderID:            {"foreign message id", 2, "a message id of another domain"},
	senderNoID:          {"no message id", 6, "no message id"},
	senderIDOdd:         {"odd message id", 6, "a message id of no domain"},
	senderFancy:         {"dressed-up name", 16, "a name in disguised letters or with pictures"},
	senderAddressName:   {"address as name", 16, "another address for a name"},
	senderFreemail:      {"freemail office", 12, "a firm or office that writes from a free mailbox"},
	senderMarks:         {"marks in name", 8, "a name with marks that no name has"},
	layoutImage:         {"picture only", 20, "little but a linked picture"},
	layoutFew:           {"few words", 8, "a few words and a link"},
	layoutHidden:        {"hidden text", 4, "text that the reader does not see"},
	layoutHiddenMuch:    {"much hidden text", 16, "more hidden text than shown"},
	layoutBlind:         {"invisible characters", 10, "invisible characters within words"},
	layoutMixed:         {"mixed alphabets", 20, "words that mix alphabets"},
	layoutFancySubject:  {"disguised subject", 24, "a subject in disguised letters"},
	layoutFancyBody:     {"disguised text", 14, "text in disguised letters"},
	layoutEncoded:       {"needless encoding", 2, "plain text encoded for no reason"},
	layoutPlaceholder:   {"unfilled template", 20, "a template's fields left unfilled"},
	layoutEmojiSubject:  {"pictures in subject", 6, "a subject with pictures"},
	layoutPadding:       {"padding", 10, "long runs of empty space or meaningless strings"},
	layoutDigest:        {"odd structure", 14, "a structure that no mail program makes"},
	layoutHTMLOnly:      {"html only", 0, "no plain text"},
	layoutBroken:        {"broken mail", 4, "departs from the standards as mail programs do not"},
	layoutNumbers:       {"number in subject", 4, "a case number in the subject"},
	subjectRecipient:    {"address in subject", 10, "the reader's address stands in the subject"},
	subjectReply:        {"false reply", 6, "claims to be an answer and answers nothing"},
	subjectCode:         {"code in subject", 4, "a random code in the subject"},
	bodyRecipient:       {"address as greeting", 8, "it calls the reader by mail address"},
	wordAccount:         {"account", 5, "speaks of the reader's account"},
	wordAccountMuch:     {"account danger", 12, "speaks of little but the reader's account"},
	wordAccountUrgent:   {"account and hurry", 10, "an account in danger and no time"},
	wordUrgent:          {"hurry", 4, "hurries the reader"},
	wordPrize:           {"prize", 4, "promises a prize"},
	wordPrizeMuch:       {"prizes", 16, "speaks of little but prizes"},
	wordParcel:          {"parcel", 6, "speaks of a parcel"},
	wordParcelMuch:      {"parcel trouble", 12, "speaks of little but a parcel"},
	wordFee:             {"fee", 3, "asks for a payment or offers one back"},
	wordFortune:         {"fortune", 2, "speaks of other people's money"},
	wordFortuneMuch:     {"fortunes", 30, "offers other people's money"},
	wordExtortion:       {"extortion", 36, "threatens to expose the reader"},
	wordCrypto:          {"crypto", 6, "speaks of electronic money"},
	wordCryptoMuch:      {"crypto bait", 18, "speaks of little but electronic money"},
	wordJunk:            {"junk", 5, "offers what junk mail offers"},
	wordJunkMuch:        {"much junk", 20, "speaks of little but what junk mail offers"},
	wordCallback:        {"callback", 14, "an order nobody made, with a number to call"},
	wordGreeting:        {"nameless greeting", 8, "greets nobody in particular"},
	wordClick:           {"click", 4, "asks for a click"},
	wordSubject:         {"bait in subject", 11, "the subject is bait"},
	wordPlot:            {"whole plot", 12, "a claim, a hurry and a click together"},
	senderBait:          {"freemail bait", 12, "bait from a free mailbox"},
	attachLure:          {"document lure", 14, "little text and a document that leads to the web"},
	mannerKnown:         {"known thread", -10, "answers a mail that the house has"},
	mannerThread:        {"in a thread", -6, "answers a mail it names"},
	mannerList:          {"own links", -8, "its links lead to the sender's own domain"},
	mannerQuote:         {"quotes", -10, "quotes what it answers"},
	mannerLong:          {"much to read", -6, "much text and few bait words in it"},
}
