//! tbd
use crate::keyplan::Keyplan;

#[test]
fn x() {
    let keyplan = Keyplan::deploy(&[]);
    let n = crate::operations::carry_out(&keyplan);
    println!("{n}");
    for f in keyplan.function_names() {
        let policy = keyplan_tests::iam_policy::Policy::of(&keyplan.template.statements(f));
        let asked = keyplan.asked_by(f);
        println!("{f} refused:");
        for r in policy.refused(&asked) {
            println!("   {r}");
        }
        let names = [(keyplan.template.arn("ConfigTable"), "config"), (keyplan.template.arn("UsageTable"), "usage")];
        for r in policy.unasked("dynamodb", &asked, &names) {
            println!("   unasked {r}");
        }
    }
}
