//! The control plane from the signed request to the answer, over the embedded
//! DynamoDB.

mod support;

#[tokio::test]
#[ignore]
async fn serve() {
    let control = support::Control::start().await;
    let l = tokio::net::TcpListener::bind("127.0.0.1:4777").await.unwrap();
    axum::serve(l, control.router()).await.unwrap();
}
