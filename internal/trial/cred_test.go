package trial
import ("testing";"fmt";"strings";"portcullis.example/portcullis/internal/mail";"portcullis.example/portcullis/internal/mail/message";"portcullis.example/portcullis/internal/people";"portcullis.example/portcullis/internal/synth";"portcullis.example/portcullis")
func TestCred(t *testing.T){
	for _,seed:=range []uint64{2,4,6}{
	h:=synth.NewHouse(seed,40); dir,_,err:=people.Parse("p.toml",strings.NewReader(h.PeopleTOML())); if err!=nil{t.Fatal(err)}
	model,_:=mail.ShippedModel(); j:=mail.NewJudge(dir,mail.DefaultConfig(),model)
	run:=func(ms []synth.Mail){
	n,tg,tag,lk:=map[string]int{},map[string]int{},map[string]int{},map[string]int{}
	for _,m:=range ms{ x:=Mail{m.Path,m.Raw,m.Time}; f:=Facts(x); msg:=message.Parse(m.Raw,message.DefaultLimits()); f.Recipients=nil
		for _,a:=range msg.Header.Addresses("To"){p,who:=dir.Whose(a.Addr); r:=mail.Recipient{Address:a.Addr,How:"to",House:true}; if p!=nil{r.Person=p.ID;r.Relation=who}; f.Recipients=append(f.Recipients,r)}
		v:=j.Judge(msg,f); k:=m.Truth.Class; n[k]++; if v.Action>=portcullis.Tag{tag[k]++}; hit:=false
		for _,fi:=range v.Findings{ if strings.HasPrefix(fi.Rule,"mail/brand")&&fi.Attention==portcullis.Targeted{lk[k]++}; if fi.Attention==portcullis.Targeted&&fi.Severity>=portcullis.Medium{hit=true}}
		if hit{tg[k]++} }
	for k:=range n{fmt.Printf("seed %d %-28s n=%d targeted=%d ownlogin=%d tagged=%d\n",seed,k,n[k],tg[k],lk[k],tag[k])}}
	run(synth.Credential(seed,h,20)); ev:=synth.Everyday(seed,h,500); for i:=range ev{ev[i].Truth.Class="everyday"}; run(ev)
	}
}
