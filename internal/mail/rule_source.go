package mail

// SilenceRule is about a mailbox on a server that answers no more. It judges no
// message, so it is not among the rules that are asked about one: who reads the mailbox raises it.
//
// Whoever holds an account can withdraw a right, change a password, or have mail
// taken elsewhere, and from then on the house sees nothing there. Far more often
// it is an expired password or a server that is down. Both want to be known within hours.
var SilenceRule = Rule{
	Name: "mail/source-silent", Version: 1, Technique: "T1562",
	About: "A mailbox that is read on its server has answered nothing for longer than it may: mail to it is not seen.",
}
