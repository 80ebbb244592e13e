use worker::{Context, Env, Result, event, web_sys};

#[event(fetch)]
async fn fetch(_req: web_sys::Request, _env: Env, _ctx: Context) -> Result<web_sys::Response> {
    Ok(web_sys::Response::new_with_opt_str(Some("keypool"))?)
}
