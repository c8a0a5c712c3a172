//! Inputs shared by the tests.

/// Two documents with everything that CoNLL-U has.
pub(super) const RICH: &str = "\
# newdoc id = first
# sent_id = a-1
# text = Don't go, Ann Lee!
1-2\tDon't\t_\t_\t_\tTypo=Yes\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\tMood=Imp|VerbForm=Fin\t3\taux\t3:aux\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_
3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\tSpaceAfter=No
3.1\there\there\tADV\tRB\t_\t_\t_\t3:advmod\t_
3.2\tnow\tnow\tADV\tRB\t_\t_\t_\t3:advmod\t_
4\t,\t,\tPUNCT\t,\t_\t3\tpunct\t3:punct\t_
5\tAnn Lee\tAnn Lee\tPROPN\tNNP\t_\t3\tvocative\t3:vocative\tEntity=(e1-person)|SpaceAfter=No
6\t!\t!\tPUNCT\t.\t_\t3\tpunct\t3:punct\t_

# text = Yes
0.1\t_\t_\t_\t_\t_\t_\t_\t1:dep\t_
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t0:root\t_

# newdoc
# sent_id = b-1
1\t_\t_\tPUNCT\tNFP\t_\t0\troot\t_\t_

";
