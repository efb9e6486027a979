//! People of Entra ID with properties under Graph's own names, through an import to the person.

use serde_json::json;
use testkit::{Cloud, CloudSetup};

use super::{chaos::Place, natural::number};

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_over_a_property_of_graph_reaches_the_person() {
    let cloud = Cloud::start(CloudSetup::default()).await;
    let more = json!({ "employeeType": "Crew", "onPremisesExtensionAttributes": { "extensionAttribute1": "nrt" } });
    cloud.tell(json!({ "addUser": "ada", "more": more })).await;
    cloud.add_user("bob").await;
    let site = format!(
        r#"
        [[source]]
        name = "cloud"
        kind = "entra"
        ca_file = "ca.crt"
        secret = {{ file = "cloud.secret" }}
        domains = ["example.test"]
        mode = "active"

        [source.openid]
        issuer = "{}"
        client_id = "{}"
        graph = "{}"

        [source.profile]
        expressions.department = 'entry["onPremisesExtensionAttributes/extensionAttribute1"].upper() + "-" + entry.employeeType'
        expressions.title = 'entry.noSuchProperty'
        "#,
        cloud.issuer(),
        Cloud::CLIENT,
        cloud.graph()
    );
    let files = [("site.toml", site.as_str()), ("ca.crt", cloud.ca_pem()), ("cloud.secret", Cloud::SECRET)];
    let place = Place::of("cloud", &files, None);
    place.import_whole();
    let database = place.database().await;
    assert_eq!(number(&database, "select count(*) from person").await, 2);
    let computed = "select count(*) from attribute t join account a on a.person_id = t.person_id \
                    where t.name = 'department' and t.value = 'NRT-Crew' and a.username = 'ada@example.test'";
    assert_eq!(number(&database, computed).await, 1);
    let all = "select count(*) from attribute where name = 'department'";
    assert_eq!(number(&database, all).await, 1, "bob has neither");
    assert_eq!(number(&database, "select count(*) from attribute where name = 'title'").await, 0);
    database.close().await;
}
