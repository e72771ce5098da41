//! Operations of API Gateway's that Keyplan does not have: each is refused by
//! its name.

use axum::Router;
use axum::routing::{MethodFilter, on};
use keyplan_wire::error::ApiError;

use crate::answer::Failure;

/// The answer to `operation`.
pub(crate) fn unsupported(operation: &str) -> Failure {
    ApiError::unsupported_operation(operation).into()
}

/// Routes for all of them but the import of APIs, which shares method and path
/// with their creation.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    UNSUPPORTED.iter().fold(Router::new(), |router, (method, path, operation)| {
        router.route(path, on(*method, async move || unsupported(operation)))
    })
}

const UNSUPPORTED: &[(MethodFilter, &str, &str)] = &[
    (MethodFilter::PUT, "/restapis/{api}", "PutRestApi"),
    (MethodFilter::GET, "/restapis/{api}/stages/{stage}/exports/{type}", "GetExport"),
    (MethodFilter::GET, "/restapis/{api}/stages/{stage}/sdks/{type}", "GetSdk"),
    (MethodFilter::POST, "/restapis/{api}/documentation/parts", "CreateDocumentationPart"),
    (MethodFilter::GET, "/restapis/{api}/documentation/parts", "GetDocumentationParts"),
    (MethodFilter::PUT, "/restapis/{api}/documentation/parts", "ImportDocumentationParts"),
    (MethodFilter::GET, "/restapis/{api}/documentation/parts/{part}", "GetDocumentationPart"),
    (MethodFilter::PATCH, "/restapis/{api}/documentation/parts/{part}", "UpdateDocumentationPart"),
    (MethodFilter::DELETE, "/restapis/{api}/documentation/parts/{part}", "DeleteDocumentationPart"),
    (MethodFilter::POST, "/restapis/{api}/documentation/versions", "CreateDocumentationVersion"),
    (MethodFilter::GET, "/restapis/{api}/documentation/versions", "GetDocumentationVersions"),
    (MethodFilter::GET, "/restapis/{api}/documentation/versions/{version}", "GetDocumentationVersion"),
    (MethodFilter::PATCH, "/restapis/{api}/documentation/versions/{version}", "UpdateDocumentationVersion"),
    (MethodFilter::DELETE, "/restapis/{api}/documentation/versions/{version}", "DeleteDocumentationVersion"),
    (MethodFilter::POST, "/clientcertificates", "GenerateClientCertificate"),
    (MethodFilter::GET, "/clientcertificates", "GetClientCertificates"),
    (MethodFilter::GET, "/clientcertificates/{certificate}", "GetClientCertificate"),
    (MethodFilter::PATCH, "/clientcertificates/{certificate}", "UpdateClientCertificate"),
    (MethodFilter::DELETE, "/clientcertificates/{certificate}", "DeleteClientCertificate"),
    (MethodFilter::POST, "/domainnames", "CreateDomainName"),
    (MethodFilter::GET, "/domainnames", "GetDomainNames"),
    (MethodFilter::GET, "/domainnames/{domain}", "GetDomainName"),
    (MethodFilter::PATCH, "/domainnames/{domain}", "UpdateDomainName"),
    (MethodFilter::DELETE, "/domainnames/{domain}", "DeleteDomainName"),
    (MethodFilter::POST, "/domainnames/{domain}/basepathmappings", "CreateBasePathMapping"),
    (MethodFilter::GET, "/domainnames/{domain}/basepathmappings", "GetBasePathMappings"),
    (MethodFilter::GET, "/domainnames/{domain}/basepathmappings/{path}", "GetBasePathMapping"),
    (MethodFilter::PATCH, "/domainnames/{domain}/basepathmappings/{path}", "UpdateBasePathMapping"),
    (MethodFilter::DELETE, "/domainnames/{domain}/basepathmappings/{path}", "DeleteBasePathMapping"),
    (MethodFilter::POST, "/domainnameaccessassociations", "CreateDomainNameAccessAssociation"),
    (MethodFilter::GET, "/domainnameaccessassociations", "GetDomainNameAccessAssociations"),
    (MethodFilter::DELETE, "/domainnameaccessassociations/{arn}", "DeleteDomainNameAccessAssociation"),
    (MethodFilter::POST, "/rejectdomainnameaccessassociations", "RejectDomainNameAccessAssociation"),
    (MethodFilter::POST, "/vpclinks", "CreateVpcLink"),
    (MethodFilter::GET, "/vpclinks", "GetVpcLinks"),
    (MethodFilter::GET, "/vpclinks/{link}", "GetVpcLink"),
    (MethodFilter::PATCH, "/vpclinks/{link}", "UpdateVpcLink"),
    (MethodFilter::DELETE, "/vpclinks/{link}", "DeleteVpcLink"),
    (MethodFilter::GET, "/sdktypes", "GetSdkTypes"),
    (MethodFilter::GET, "/sdktypes/{type}", "GetSdkType"),
];
