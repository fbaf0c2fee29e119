'use strict';
// The step's last stage, after the job: removes what a canceled or broken run left behind.
require('./index.js')('clean-up');
